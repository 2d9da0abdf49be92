"""The one table of the fields and the parts of a namespace.  Pure: no I/O, no state.

A namespace has an owner, fields of its own, and parts: properties, objects, tags and associations
with resource types.  Each part has a name that is unique among the parts of its kind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kingbird.text import CONTROL

#: A namespace as Glance shows it, or as a POST makes it.
Namespace = dict[str, Any]

NAME = "namespace"
OWNER = "owner"
#: The namespace's own fields that are copied, with what Glance makes of an absent one.
FIELDS: Mapping[str, Any] = {
    "display_name": None,
    "description": None,
    "visibility": "private",
    "protected": False,
}
#: Fields that Glance sets by itself, which are no part of a definition.
_SET_BY_GLANCE = frozenset({"created_at", "updated_at", "self", "schema"})


class Kind(StrEnum):
    """A kind of part: the words by which people are told of it."""

    PROPERTY = "property"
    OBJECT = "object"
    TAG = "tag"
    ASSOCIATION = "resource type"


#: The field of a namespace that has the parts of a kind; a namespace is made in this order.
LISTS: Mapping[Kind, str] = {
    Kind.ASSOCIATION: "resource_type_associations",
    Kind.OBJECT: "objects",
    Kind.TAG: "tags",
    Kind.PROPERTY: "properties",
}
#: Kinds that Glance has no call to change: a tag is its name, an association is made or deleted.
UNCHANGEABLE = frozenset({Kind.TAG, Kind.ASSOCIATION})


@dataclass(frozen=True, order=True)
class PartId:
    """A part's kind and name."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def problem_of(name: str) -> str | None:
    """Return why a namespace of some name cannot be asked for, or ``None`` if it can."""
    if name in ("", ".", "..") or "/" in name:
        return "Glance has no address for a namespace of this name, so it can't be read or written"
    if CONTROL.search(name):
        return "The name has control characters, which Kingbird does not carry on"
    return None


def is_namespace(value: Any) -> bool:
    """Return whether a part of a response has the fields that Kingbird relies on."""
    if not isinstance(value, dict) or not isinstance(value.get(NAME), str):
        return False
    if not all(isinstance(value.get(one, ""), str) for one in (OWNER, "created_at")):
        return False
    properties = value.get("properties") or {}
    lists = [value.get(name) or [] for kind, name in LISTS.items() if kind is not Kind.PROPERTY]
    return (
        isinstance(properties, dict)
        and all(isinstance(one, dict) for one in properties.values())
        and all(isinstance(some, list) for some in lists)
        and all(_is_part(one) for some in lists for one in some)
    )


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)


def field(namespace: Namespace, name: str) -> Any:
    """Return one of the namespace's own fields, as Glance fills it."""
    value = namespace.get(name)
    return FIELDS[name] if value is None else value


def parts(namespace: Namespace) -> dict[PartId, dict[str, Any]]:
    """Return the parts of a namespace, in the order in which they are made.

    :returns: each part's fields, without those that Glance sets and those that say nothing.
    """
    return {PartId(kind, name): body for kind in LISTS for name, body in _of_kind(namespace, kind)}


def _of_kind(namespace: Namespace, kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    if kind is Kind.PROPERTY:
        for name, body in sorted((namespace.get("properties") or {}).items()):
            yield name, _said({**body, "name": name})
        return
    for body in sorted(namespace.get(LISTS[kind]) or [], key=lambda one: str(one["name"])):
        yield body["name"], _said(body)


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields of a part say: Glance shows some that are absent, and some empty."""
    return {
        name: value
        for name, value in body.items()
        if name not in _SET_BY_GLANCE and value is not None and value not in ([], {})
    }


def own_fields(namespace: Namespace) -> dict[str, Any]:
    """Return the body of the PUT that gives a namespace its own fields.

    It always has the owner: without one Glance gives the namespace to the caller's project.
    """
    values = {name: field(namespace, name) for name in FIELDS}
    return {
        NAME: namespace[NAME],
        OWNER: namespace[OWNER],
        **{name: value for name, value in values.items() if value is not None},
    }


def record_for(namespace: Namespace) -> Namespace:
    """Return the body of the POST that makes a namespace with all its parts."""
    record = own_fields(namespace)
    for part, body in parts(namespace).items():
        if part.kind is Kind.PROPERTY:
            rest = {name: value for name, value in body.items() if name != "name"}
            record.setdefault(LISTS[part.kind], {})[part.name] = rest
        else:
            record.setdefault(LISTS[part.kind], []).append(body)
    return record
