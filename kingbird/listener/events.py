"""Read Glance's notifications.  Pure: no I/O, no state.

A message is a hint where to look, and nothing is decided by what it says.  Its fields are those
that ``glance.notifier`` writes: properties are nested, and ``os_hidden``, the hash, the members
and the region are missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kingbird.sync.image import COPIED, SET_BY_GLANCE, Image

#: Glance sends it after each change.  ``image.activate`` and ``image.upload`` come before their
#: change is committed.
UPDATE = "image.update"
DELETE = "image.delete"

#: Fields of an image that a message has, beside the image's own properties.
TOLD = frozenset(
    {
        "id",
        "name",
        "status",
        "created_at",
        "updated_at",
        "min_disk",
        "min_ram",
        "protected",
        "checksum",
        "owner",
        "disk_format",
        "container_format",
        "size",
        "virtual_size",
        "visibility",
        "tags",
    }
)
#: Fields that Glance shows and no message has.
UNTOLD = SET_BY_GLANCE.union(COPIED, ("os_hidden",)) - TOLD

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_TEXT = ("name", "status", "created_at", "updated_at", "owner", "visibility")


class Drop(StrEnum):
    """The reason for which a message makes no mark."""

    #: It is not about a change or a deletion of an image.
    TYPE = "type"
    #: It is not in Glance's form.
    FORM = "form"
    #: No region of the configuration has such a publisher.
    PUBLISHER = "publisher"
    #: No rule has the region as a source, or names the image.
    SOURCE = "source"
    #: The image has no data yet, or is not in a state that a rule selects.
    STATUS = "status"
    #: The image belongs to a project that no rule is about.
    OWNER = "owner"
    #: The image is Kingbird's own copy, and its original is in another source of the rule.
    COPY = "copy"
    #: Filters of rules leave the image out.
    FILTERS = "filters"
    #: The message could not be processed.
    ERROR = "error"


@dataclass(frozen=True)
class Event:
    """A change or the deletion of an image in a region.

    :ivar image: the known fields of the image as Glance shows it, with flat properties.
    """

    region: str
    image_id: str
    deleted: bool
    image: Image


def read(region: str, event_type: Any, payload: Any) -> Event | Drop:
    """Return what a message is about, or why it is dropped.  Never raises.

    :param region: the region of the Glance that sent it.
    :param payload: of any type, because anybody who reaches the broker may send anything.
    """
    if not isinstance(event_type, str) or event_type not in (UPDATE, DELETE):
        return Drop.TYPE
    image = flatten(payload)
    if image is None:
        return Drop.FORM
    return Event(region, image["id"].lower(), event_type == DELETE, image)


def flatten(payload: Any) -> dict[str, Any] | None:
    """Return an image in the form in which Glance shows it, or ``None`` for something else."""
    if not isinstance(payload, Mapping):
        return None
    image_id, properties, tags = (payload.get(name) for name in ("id", "properties", "tags"))
    if not isinstance(image_id, str) or not _ID.fullmatch(image_id):
        return None
    if not isinstance(properties or {}, Mapping) or not isinstance(tags or [], list | tuple):
        return None
    if not all(isinstance(payload.get(name), str | None) for name in _TEXT):
        return None
    if not isinstance(payload.get("size"), int | None):
        return None
    told = {name: payload[name] for name in TOLD if name in payload}
    own = {name: value for name, value in (properties or {}).items() if name not in UNTOLD}
    return {**own, **told}
