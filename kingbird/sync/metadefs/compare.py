"""Compares a namespace with what it should be, part by part.  Pure: no I/O, no state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kingbird.sync.compare import MAX_DIFFERENCES, MAX_VALUE, text_of
from kingbird.sync.metadefs.namespace import (
    FIELDS,
    OWNER,
    UNCHANGEABLE,
    Namespace,
    PartId,
    field,
    own_fields,
    parts,
)
from kingbird.text import clean


class Step(StrEnum):
    """A change that brings a part in order."""

    #: The part is missing.
    CREATE = "create"
    #: The part differs.
    CHANGE = "change"
    #: The part differs, and Glance has no call to change it.
    LEAVE = "leave"


@dataclass(frozen=True)
class Difference:
    """A part, or the namespace's own fields, that is not in order.

    :ivar part: ``None`` for the namespace's own fields.
    :ivar body: the fields to write.
    :ivar fields: what differs, by name: the values of the source and of the copy.
    """

    step: Step
    part: PartId | None
    body: dict[str, Any]
    fields: tuple[tuple[str, Any, Any], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names by which people are told of it."""
        return (str(self.part),) if self.part else tuple(name for name, _, _ in self.fields)


def has_other_owner(wanted: Namespace, copy: Namespace) -> bool:
    """Return whether a namespace is somebody else's, and so another one of the same name."""
    return bool(wanted.get(OWNER) != copy.get(OWNER))


def compare(wanted: Namespace, copy: Namespace) -> list[Difference]:
    """Return what brings a copy in order, in the order in which it is to be written.

    Parts that only the copy has stay, as nothing is deleted.

    :param wanted: the namespace in its source region, or the record made of it.
    """
    found = []
    differing = tuple(
        (name, field(wanted, name), field(copy, name))
        for name in FIELDS
        if field(wanted, name) != field(copy, name)
    )
    if differing:
        found.append(Difference(Step.CHANGE, None, own_fields(wanted), differing))
    there = parts(copy)
    for part, body in parts(wanted).items():
        other = there.get(part)
        if other == body:
            continue
        step = Step.LEAVE if part.kind in UNCHANGEABLE else Step.CHANGE
        values = ((str(part), _shown(body), other and _shown(other)),)
        found.append(Difference(Step.CREATE if other is None else step, part, body, values))
    return found


def _shown(body: dict[str, Any]) -> str:
    rest = {name: value for name, value in sorted(body.items()) if name != "name"}
    return ", ".join(f"{name}: {text_of(value)}" for name, value in rest.items())


def labels(found: Iterable[Difference], *steps: Step) -> list[str]:
    """Return the names of what some steps are about."""
    return [label for one in found if one.step in steps for label in one.labels]


def differences(found: Sequence[Difference]) -> dict[str, dict[str, str | None]]:
    """Return the values that differ as texts, of the source and of the copy.

    Both the names and the texts are bounded, as :func:`kingbird.sync.compare.differences` has
    them.
    """
    values = [value for one in found for value in one.fields][:MAX_DIFFERENCES]
    return {
        clean(name, MAX_VALUE): {"source": text_of(source), "target": text_of(target)}
        for name, source, target in values
    }
