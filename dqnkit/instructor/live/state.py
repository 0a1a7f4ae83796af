"""The class now: the state that the log's entries make, and what each page sees of it.

The projector sees no student: counts only, a histogram once it is opened, a mistake once several have made it. The
instructor sees in addition who asked for help, and every histogram.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dqnkit.instructor.live.answers import draw
from dqnkit.instructor.live.catalogue import Catalogue, plain
from dqnkit.instructor.live.log import INSTRUCTOR, Entry, Student, now

MISTAKES_OF = timedelta(hours=1)
SEVERAL = 3  # students who made a mistake before the projector shows it: nobody should feel meant
BIRDS = (
    *("Avocet", "Bittern", "Curlew", "Dipper", "Egret", "Finch", "Grebe", "Heron", "Ibis", "Jay", "Kestrel"),
    *("Lapwing", "Martin", "Nightjar", "Oriole", "Plover", "Quail", "Robin", "Swift", "Tern", "Wagtail", "Wren"),
)
STAGES = ("closed", "open", "revealed")
Page = dict[str, Any]


def alias(number: int) -> str:
    """What a student without a name is called, in this class only: ``"Heron 12"``."""
    return f"{BIRDS[number % len(BIRDS)]} {number}"


@dataclass
class Asked:
    """What the class answered to one question."""

    values: dict[int, Any] = field(default_factory=dict)  # student -> the first prediction, as in the progress file
    happened: dict[int, Any] = field(default_factory=dict)  # student -> what the newest run gave
    stage: str = "closed"
    counted: frozenset[int] | None = None  # who had answered when it was opened: later answers have seen the others

    def open(self) -> None:
        """Show the answers that are there."""
        self.stage, self.counted = "open", frozenset(self.values)

    def close(self) -> None:
        """Hide the answers; when it is opened again, all that are there then will count."""
        self.stage, self.counted = "closed", None

    @property
    def shown_values(self) -> list[Any]:
        """The answers that count."""
        return [value for student, value in self.values.items() if self.counted is None or student in self.counted]


@dataclass(frozen=True)
class Hand:
    """A raised hand."""

    since: datetime
    note: str


class ClassState:
    """The class now.

    Args:
        name: of the class.
        code: with which students join.
        catalogue: what the course asks.
    """

    def __init__(self, name: str, code: str, catalogue: Catalogue) -> None:
        self.name, self.code, self.catalogue = name, code, catalogue
        self.students: dict[int, Student] = {}
        self.asked: dict[str, Asked] = {id: Asked() for id in catalogue.questions}
        self.checks: dict[str, dict[int, bool]] = {}  # exercise -> student -> whether it passed once
        self.mistakes: deque[tuple[datetime, int, str, str]] = deque()  # (when, student, exercise, mistake)
        self.hands: dict[int, Hand] = {}
        self.shown = ""  # id of the question on the projector
        self.is_joining = True  # whether the code is taken
        self.events = 0

    def apply(self, entry: Entry) -> None:
        """Take an entry of the log into account."""
        event = entry.event
        if entry.student == INSTRUCTOR:
            self._control(event.kind, event.name, event.content)
            return
        self.events += 1
        if event.kind == "prediction" and event.name in self.asked:
            self.asked[event.name].values.setdefault(entry.student, event.content["value"])
        elif event.kind == "happened" and event.name in self.asked:
            self.asked[event.name].happened[entry.student] = event.content["value"]
        elif event.kind == "check":
            passed = self.checks.setdefault(event.name, {})
            passed[entry.student] = passed.get(entry.student, False) or event.content["passed"]
            if event.content["mistake"]:
                self.mistakes.append((entry.received, entry.student, event.name, event.content["mistake"]))
        elif event.kind == "hand":
            self.hands.pop(entry.student, None)
            if event.content["up"]:
                self.hands[entry.student] = Hand(entry.received, event.content["note"])

    def _control(self, action: str, name: str, content: Mapping[str, Any]) -> None:
        if action == "show" and (name in self.asked or not name):
            self.shown = name
        elif action == "join":
            self.is_joining = bool(content["taken"])
        elif action == "lower":
            self.hands.pop(int(content["student"]), None)
        elif name in self.asked:
            asked = self.asked[name]
            if action == "open":
                asked.open()
            elif action == "close":
                asked.close()
            elif action == "reveal":
                if asked.stage == "closed":
                    asked.open()
                asked.stage = "revealed"

    def next_question(self) -> str:
        """The id of the next question of the course that somebody has answered; empty if there is none."""
        ids = list(self.asked)
        after = ids[ids.index(self.shown) + 1 :] if self.shown else ids
        return next((id for id in after if self.asked[id].values), "")

    def projector(self) -> Page:
        """What the projector shows."""
        return {
            "class": self.name,
            "code": self.code,
            "joining": self.is_joining,
            "students": len(self.students),
            "question": self._question(self.shown) if self.shown else None,
            "wall": self._wall(),
            "mistake": next((each for each in self._mistakes() if each["students"] >= SEVERAL), None),
        }

    def instructor(self) -> Page:
        """What the instructor sees."""
        hands = sorted(self.hands.items(), key=lambda item: item[1].since)
        return {
            **self.projector(),
            "events": self.events,
            "hands": [
                {"student": number, "who": self._who(number), "note": hand.note, "since": hand.since.isoformat()}
                for number, hand in hands
            ],
            "mistakes": self._mistakes()[:5],
            "questions": [self._line(id) for id in self.asked],
            "preview": self._question(self.shown, is_preview=True) if self.shown else None,
            "next": self.next_question(),
        }

    def _who(self, number: int) -> str:
        name = self.students[number].name if number in self.students else ""
        return f"{name} ({alias(number)})" if name else alias(number)

    def _line(self, id: str) -> Page:
        asked = self.asked[id]
        return {
            "id": id,
            "lesson": self.catalogue.lesson_title(id),
            "text": plain(self.catalogue.questions[id].text),
            "answered": len(asked.values),
            "stage": asked.stage,
        }

    def _question(self, id: str, is_preview: bool = False) -> Page:
        """A question with its answers, as far as they may be seen."""
        asked, question = self.asked[id], self.catalogue.questions[id]
        values = asked.shown_values
        page = self._line(id) | {"kind": question.kind, "counted": len(values), "drawing": None}
        if is_preview or asked.stage != "closed":
            is_revealed = is_preview or asked.stage == "revealed"
            page["drawing"] = draw(question, values, list(asked.happened.values()), is_revealed)
            for bar in page["drawing"].get("bars", []):
                bar["label"] = plain(bar["label"])
        return page

    def _wall(self) -> list[Page]:
        """The exercises that somebody has tried, in the order of the course."""
        return [
            {
                "exercise": name,
                "notebook": exercise.notebook,
                "passed": sum(self.checks[name].values()),
                "tried": len(self.checks[name]),
            }
            for name, exercise in self.catalogue.exercises.items()
            if name in self.checks
        ]

    def _mistakes(self) -> list[Page]:
        """The known mistakes of the last hour, by the number of students who made them."""
        oldest = now() - MISTAKES_OF
        while self.mistakes and self.mistakes[0][0] < oldest:
            self.mistakes.popleft()
        made = {(exercise, mistake, student) for _, student, exercise, mistake in self.mistakes}
        count = Counter((exercise, mistake) for exercise, mistake, _ in made)
        return [
            {
                "exercise": exercise,
                "name": mistake,
                "sentence": self.catalogue.exercises[exercise].mistakes.get(mistake, ""),
                "students": students,
            }
            for (exercise, mistake), students in sorted(count.items(), key=lambda item: (-item[1], item[0]))
            if exercise in self.catalogue.exercises
        ]
