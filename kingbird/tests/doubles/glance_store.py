"""The images of a Glance in the order of their ids."""

import json
import sys
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

Image = dict[str, Any]
#: The shares of each shared image by project, as Glance shows them.
Shares = dict[str, dict[str, dict[str, Any]]]


def precise(moment: datetime) -> str:
    """Return a time as Glance stores it: in UTC, to the microsecond, sortable as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def seconds(moment: str) -> str:
    """Return a stored time as Glance shows it, in whole seconds."""
    return f"{moment[:19]}Z"


class Record:
    """An immutable image.  A change replaces the record.

    A record holds the image as JSON, ready to be sent, and the few fields that each list reads.
    Regions can share the records of equal images.

    :param created: the time of creation, from :func:`precise`.
    :param updated: the time of the last change, from :func:`precise`.
    """

    __slots__ = ("body", "created", "hidden", "id", "name", "owner", "updated", "visibility")

    def __init__(self, image: Image, created: str, updated: str) -> None:
        self.id: str = image["id"]
        self.name: str | None = image["name"]
        # Many records share few values, so each value is one object.
        self.owner = sys.intern(image["owner"]) if image["owner"] is not None else None
        self.visibility = sys.intern(image["visibility"])
        self.hidden: bool = image["os_hidden"]
        self.created = created
        self.updated = created if updated == created else updated
        self.body = json.dumps(image, ensure_ascii=False).encode()

    @property
    def image(self) -> Image:
        """Return a new copy of the image."""
        parsed: Image = json.loads(self.body)
        return parsed

    def holds(self, field: bytes) -> bool:
        """Return True if the image has this field with this value, given by :func:`as_field`.

        A quote within a string follows a backslash, so no other text matches.
        """
        body = self.body
        return field in body and (b", " + field in body or body.startswith(b"{" + field))


def as_field(name: str, value: Any) -> bytes:
    """Return a field and its value for :meth:`Record.holds`."""
    end = "" if isinstance(value, str) else ","
    return f"{json.dumps(name, ensure_ascii=False)}: {_dumped(value)}{end}".encode()


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class Store:
    """The images of one region.  Not safe for threads."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._deleted: dict[str, Record] = {}
        self._sorted: list[str] = []
        self.shares: Shares = {}
        #: Images that lists leave out.
        self.unlisted: set[str] = set()

    def __len__(self) -> int:
        return len(self._records)

    def get(self, image_id: str) -> Record | None:
        """Return an existing image."""
        return self._records.get(image_id)

    def deleted(self, image_id: str) -> Record | None:
        """Return a deleted image in its last state."""
        return self._deleted.get(image_id)

    def taken(self, image_id: str) -> bool:
        """Return True if an id cannot be used.  Deleted images keep their ids."""
        return image_id in self._records or image_id in self._deleted

    @property
    def ids(self) -> Iterable[str]:
        """Return the ids of all existing images."""
        return self._records.keys()

    def put(self, record: Record) -> None:
        """Add or replace an image."""
        if record.id not in self._records:
            insort(self._sorted, record.id)
        self._records[record.id] = record

    def fill(self, records: Iterable[Record]) -> int:
        """Add many new images and return their number."""
        before = len(self._records)
        self._records.update((record.id, record) for record in records)
        self._sorted = sorted(self._records)
        return len(self._records) - before

    def delete(self, image_id: str) -> None:
        """Delete an image.  Its id stays taken."""
        self._deleted[image_id] = self._records.pop(image_id)
        del self._sorted[bisect_right(self._sorted, image_id) - 1]

    def purge(self) -> None:
        """Forget deleted images."""
        self._deleted.clear()

    def clear(self) -> None:
        """Forget all images."""
        self.__init__()  # type: ignore[misc]

    def by_id(self, after: str | None) -> Iterator[Record]:
        """Return images in the order of their ids, beginning after one id."""
        begin = 0 if after is None else bisect_right(self._sorted, after)
        ids: Iterator[str] = map(self._sorted.__getitem__, range(begin, len(self._sorted)))
        if self.unlisted:
            ids = filter(lambda each: each not in self.unlisted, ids)
        return map(self._records.__getitem__, ids)

    def those(self, ids: Iterable[str]) -> Iterator[Record]:
        """Return the existing images among the ids, each once."""
        listed = set(ids) - self.unlisted
        return (self._records[each] for each in listed if each in self._records)
