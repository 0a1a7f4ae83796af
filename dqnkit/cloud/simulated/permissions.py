"""Whether an IAM policy allows a request to EC2, as far as dqnkit's own policy needs it.

Actions (with wildcards) and conditions on tags are checked; resources are not. Any other condition counts as not met.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

ACTED_ON = re.compile(r"(InstanceId|ResourceId|GroupId)(\.\d+)?")  # fields that name something that exists


@dataclass(frozen=True)
class Question:
    """One action to allow or deny, with the facts that conditions can refer to."""

    action: str  # like ec2:RunInstances
    facts: dict[str, str]  # like aws:ResourceTag/Name


def questions(
    service: str, action: str, fields: dict[str, str], tags: Callable[[str], dict[str, str]], userid: str = ""
) -> Iterable[Question]:
    """All that must be allowed for one request: the action on each resource, and tagging what it makes."""
    wanted = {"aws:userid": userid} | {
        f"aws:RequestTag/{value}": fields.get(name.removesuffix("Key") + "Value", "")
        for name, value in fields.items()
        if re.search(r"Tag\.\d+\.Key$", name)
    }
    acted_on = [value for name, value in fields.items() if ACTED_ON.fullmatch(name)] if service == "ec2" else []
    reads = action.startswith(("Describe", "Get"))  # such actions name no resource
    for resource in [""] if reads else acted_on or [""]:
        has = {f"aws:ResourceTag/{name}": value for name, value in tags(resource).items()}
        yield Question(f"{service}:{action}", wanted | has)
    if any(name.startswith("aws:RequestTag/") for name in wanted) and action != "CreateTags":
        yield Question("ec2:CreateTags", wanted | {"ec2:CreateAction": action})


def allows(permissions: dict[str, Any], question: Question) -> bool:
    """Whether a statement of the IAM policy allows it and none denies it."""
    effects = {one["Effect"] for one in _list(permissions["Statement"]) if _concerns(one, question)}
    return effects == {"Allow"}


def _concerns(statement: dict[str, Any], question: Question) -> bool:
    names = _list(statement.get("Action", []))
    if not any(fnmatch.fnmatchcase(question.action.lower(), name.lower()) for name in names):
        return False
    conditions = statement.get("Condition", {}).items()
    return all(_met(kind, key, _list(values), question) for kind, each in conditions for key, values in each.items())


def _met(kind: str, key: str, values: list[Any], question: Question) -> bool:
    fact = question.facts.get(re.sub("^ec2:ResourceTag/", "aws:ResourceTag/", key))
    if kind == "Null":
        return str(fact is None).lower() in [str(value).lower() for value in values]
    if fact is None:
        return False
    values = [re.sub(r"\$\{([^}]+)\}", lambda found: question.facts.get(found[1], ""), value) for value in values]
    if kind == "StringEquals":
        return fact in values
    return kind == "StringLike" and any(fnmatch.fnmatchcase(fact, value) for value in values)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
