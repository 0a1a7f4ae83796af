"""The class, live: a notebook joins with the code that the projector shows, and sends what the reader agreed to.

A thread sends; no cell ever waits for it. Without a connection everything in the notebook works as before: events are
kept in a folder beside the progress file (`dqnkit.classroom.class_outbox`) and sent later, each counted once.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from dqnkit.classroom import class_wire, progress_file, rich_text
from dqnkit.classroom.class_outbox import Membership, Outbox
from dqnkit.classroom.class_wire import RefusedError, UnreachableError
from dqnkit.classroom.rich_text import RichText
from dqnkit.errors import ConfigError

ADDRESS = "DQNKIT_CLASS"  # environment variable: the address, where whoever runs the notebooks has set it
CONSENT = (
    "If you join, your predictions, what your runs gave, which checks pass or fail and how, and a hand that you raise "
    "go to {address}, {name} and without your code, until you call `leave()`."
)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds before the next try
LOOK_AGAIN = 20.0  # seconds until events that another notebook has left are looked for


class LiveClass:
    """A class that this kernel has joined.

    Args:
        outbox: where events wait.
        membership: of the reader.
        changed: called, in the thread that sends, when there is something new to say.
    """

    def __init__(self, outbox: Outbox, membership: Membership, changed: Callable[[], None]) -> None:
        self.outbox, self.membership = outbox, membership
        self.problem = ""  # why the last request failed
        self.is_refused = False  # the server has said no: nothing is sent any more
        self.has_raised_hand = False
        self._changed = changed
        self._wake, self._ended = threading.Event(), threading.Event()
        self._ending = threading.Lock()  # nothing is written after the end
        self._thread = threading.Thread(target=self._run, name="dqnkit-class", daemon=True)

    def begin(self) -> None:
        """Keep the membership, listen to what is recorded, and send in the background."""
        self.outbox.keep(self.membership)
        progress_file.OBSERVERS.append(self.tell)
        self._thread.start()

    def end(self) -> None:
        """Send nothing any more; what waits is kept."""
        if self.tell in progress_file.OBSERVERS:
            progress_file.OBSERVERS.remove(self.tell)
        with self._ending:
            self._ended.set()
        self._wake.set()

    def tell(self, kind: str, name: str, content: dict[str, Any]) -> None:
        """Keep an event and have it sent; returns at once."""
        event = {"id": secrets.token_hex(16), "kind": kind, "name": name, **content}
        with suppress(TypeError, ValueError):  # what JSON cannot hold is not in the progress file either
            self.outbox.put(json.loads(json.dumps(event, allow_nan=False)))
        self._wake.set()

    def raise_hand(self, note: str = "", up: bool = True) -> None:
        """Ask for help, or no longer."""
        self.has_raised_hand = up
        self.tell("hand", "", {"up": up, "note": note})

    def wait_until_sent(self, seconds: float) -> bool:
        """Wait until the server has everything; whether it has."""
        until = threading.Event()
        for _ in range(int(seconds / 0.02)):
            if self.is_refused or (self.membership.is_known and not len(self.outbox)):
                break
            until.wait(0.02)
        return self.membership.is_known and not len(self.outbox)

    def says(self) -> str:
        """How it stands, in a sentence or two."""
        who = self.membership.alias
        where = f"You are {who} in “{self.membership.class_name}”." if who else "You have joined."
        waiting = len(self.outbox)
        if self.is_refused:
            return f"The class did not take you: {self.problem}"
        if self.problem:
            kept = (
                f"{waiting} event{'' if waiting == 1 else 's'} will be sent later" if waiting else "it is tried again"
            )
            return f"{where} The class cannot be reached now ({self.problem}): {kept}. Your notebook works as before."
        if not who:
            return f"Asking {self.membership.address} …"
        hand = " Your hand is raised." if self.has_raised_hand else ""
        return f"{where}{hand} Everything is sent." if not waiting else f"{where}{hand} Sending …"

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._ended.is_set():
            self._wake.clear()
            try:
                self._send_all()
                self.problem, wait = "", FIRST_WAIT
                self._show()
                self._wake.wait(LOOK_AGAIN)
            except UnreachableError as error:
                self.problem = str(error)
                self._show()
                # a whole class that lost its server must not come back in the same second
                self._ended.wait(max(error.wait, wait) * random.uniform(0.8, 1.2))
                wait = min(2 * wait, LONGEST_WAIT)
            except RefusedError as error:
                self.problem, self.is_refused = str(error), True
                self.end()
                self._show()

    def _show(self) -> None:
        with suppress(Exception):  # a panel whose page is gone must not end sending
            self._changed()

    def _send_all(self) -> None:
        """Send what waits.

        Raises:
            UnreachableError: the server does not answer; the rest is kept.
            RefusedError: the server does not take this reader.
        """
        while not self._ended.is_set():
            if not self.membership.is_known:
                self._join()
            events = self.outbox.oldest()
            if not events:
                return
            try:
                class_wire.post(
                    self.membership.address, "api/events", {"events": list(events.values())}, self.membership.token
                )
            except RefusedError as error:
                if error.status != 401:
                    raise
                self.membership = self.membership.lost()  # the server has begun a new class: join that, or be refused
                continue
            self.outbox.remove(events)

    def _join(self) -> None:
        me = self.membership
        said = class_wire.post(me.address, "api/join", {"code": me.code, "token": me.token, "name": me.name})
        self.membership = me.joined(str(said.get("class", ""))[:200], str(said.get("alias", ""))[:60] or "a student")
        with self._ending:
            if not self._ended.is_set():
                self.outbox.keep(self.membership)


_JOINED: list[LiveClass] = []  # the class of this kernel, if there is one
_SHOWN: list[ClassPanel] = []  # the newest panel on the page


class ClassPanel:
    """The value of the cell that joins: it asks for consent, then shows how it stands and has the button for help.

    Args:
        code: of the class.
        address: as it is known; empty: to be typed.
        name: under which the reader joins; empty: without one.
    """

    def __init__(self, code: str, address: str, name: str) -> None:
        self.code, self.address, self.name = code, address, name
        self.is_declined = False
        self.form = self._make_form()
        _SHOWN[:] = [self]

    def agree(self, address: str = "") -> None:
        """Join the class.

        Raises:
            ConfigError: the address is none.
        """
        self.address = self.address or class_wire.read_address(address)
        leave_quietly()
        outbox = Outbox(progress_file.FILE.path.parent)
        kept = outbox.membership()
        if kept is not None and (kept.address, kept.code) != (self.address, self.code):
            outbox.clear()  # of an earlier class: what was not sent to it is no concern of this one
            kept = None
        joined = LiveClass(outbox, kept or Membership.new(self.address, self.code, self.name), self.update)
        _JOINED.append(joined)
        joined.begin()
        self.update()

    def decline(self) -> None:
        """Do not join."""
        self.is_declined = True
        self.update()

    @property
    def state(self) -> str:
        """``"asking"``, ``"joined"``, ``"refused"`` or ``"out"``."""
        if self.is_declined:
            return "out"
        if not _JOINED:
            return "asking"
        return "refused" if _JOINED[0].is_refused else "joined"

    def update(self) -> None:
        """Show how it stands."""
        if self.form is not None:
            self.form.show(self.state, self.page().html, bool(_JOINED and _JOINED[0].has_raised_hand))

    def page(self) -> RichText:
        """How it stands, as text."""
        state = self.state
        if state == "out":
            return rich_text.message("open", "Not in the class", "Nothing is sent. Run this cell again to join.")
        if state == "asking":
            sentence = CONSENT.format(
                address=self.address or "the address that you type",
                name=f"with the name {self.name}" if self.name else "without your name",
            )
            how = "" if self.form is not None else f"\n\nTo agree, run `join({self.code!r}, agree=True)`."
            return rich_text.message("note", f"Join the class {self.code}?", sentence + how)
        kind = "wrong" if state == "refused" else "open" if _JOINED[0].problem else "passed"
        return rich_text.message(kind, f"The class {self.code}", _JOINED[0].says())

    def _make_form(self) -> Any:
        if find_spec("ipywidgets") is None:
            return None
        from dqnkit.widgets.class_form import ClassForm

        return ClassForm(self._act, needs_address=not self.address)

    def _act(self, action: str, text: str) -> None:
        """Do what a button asks; ``text`` stands in its field."""
        if action == "agree":
            try:
                self.agree(text)
            except ConfigError as error:
                self.form.say(str(error))
        elif action == "decline":
            self.decline()
        elif action == "leave":
            leave()
        elif _JOINED:
            _JOINED[0].raise_hand(text, up=action == "raise")
            self.update()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        page = self.page()
        if self.form is None:
            return {"text/plain": page.text, "text/html": page.html}
        self.update()
        from dqnkit.widgets.browser import as_widget

        return as_widget(self.form.box, page.text, page.html)

    def __repr__(self) -> str:
        return self.page().text


def join(code: str = "", *, at: str = "", name: str = "", agree: bool = False) -> Any:
    """Join a class that is held live, with the code that the projector shows.

    It asks first, in one sentence, and sends nothing before. Who has joined in this folder before, also in another
    notebook, is not asked again and needs no code.

    Args:
        code: of the class, as "K7QF", or with the address, as "K7QF@class.example.org".
        at: the address of the class; needed once, unless whoever runs your notebooks has set it.
        name: to be known by; without it you are one of the birds.
        agree: join without being asked, where there are no buttons.

    Returns:
        a panel with what is sent and a button to ask for help, as the value of a cell.
    """
    code, _, address = str(code).partition("@")
    code = "".join(mark for mark in code.upper() if mark.isalnum())
    kept = Outbox(progress_file.FILE.path.parent).membership()
    try:
        address = _address(at or address, kept)
    except ConfigError as error:
        return rich_text.message("wrong", "The class was not joined", str(error))
    if not code and kept is None:
        return rich_text.message("open", "Which class?", 'Run `join("K7QF")` with the code that the projector shows.')
    code = code or (kept.code if kept else "")
    is_member = kept is not None and (kept.code, kept.address) == (code, address)
    panel = ClassPanel(code, address, name)
    if (is_member or agree) and address:
        panel.agree()
        _JOINED[0].wait_until_sent(1.0)  # so that the cell shows how it went; it goes on in the background
    elif agree:
        return rich_text.message("open", "Where is the class?", f'Add its address: `join({code!r}, at="https://…")`.')
    return panel


def _address(typed: str, kept: Membership | None) -> str:
    """The address that was typed, else the one that the environment names, else that of the class before."""
    if typed:
        return class_wire.read_address(typed)
    if os.environ.get(ADDRESS):
        return class_wire.read_address(os.environ[ADDRESS], is_given_by_the_system=True)
    return kept.address if kept else ""


def leave() -> RichText:
    """Leave the class: nothing is sent any more, and what waits to be sent is thrown away."""
    leave_quietly()
    Outbox(progress_file.FILE.path.parent).clear()
    for panel in _SHOWN:
        panel.decline()
    return rich_text.message("open", "You have left the class", "Nothing is sent any more.")


def leave_quietly() -> None:
    """End sending, as a restart of the kernel does: a later `join` goes on."""
    for joined in _JOINED:
        joined.end()
    _JOINED.clear()


def raise_hand(note: str = "") -> RichText:
    """Ask the instructor for help; nobody else sees it.

    Args:
        note: a few words for the instructor, as where you sit.
    """
    return _hand(note, True)


def lower_hand() -> RichText:
    """Take your hand down: help is no longer needed."""
    return _hand("", False)


def _hand(note: str, up: bool) -> RichText:
    if not _JOINED:
        return rich_text.message("open", "You are in no class", "Run `join` with the code of the class first.")
    _JOINED[0].raise_hand(note, up)
    for panel in _SHOWN:
        panel.update()
    said = "Your instructor sees it as soon as it is sent." if up else ""
    return rich_text.message("passed", "Your hand is raised" if up else "Your hand is down", said)
