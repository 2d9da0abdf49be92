"""What a Glance keeps: images as they are shown, in the order of their ids."""

import json
import sys
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

Image = dict[str, Any]
#: The shares of each shared image, by project, as they are shown.
Shares = dict[str, dict[str, dict[str, Any]]]


def precise(moment: datetime) -> str:
    """Return a moment as it is stored: to the microsecond, in UTC, in the order of time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def seconds(moment: str) -> str:
    """Return a stored moment as it is shown: in whole seconds."""
    return f"{moment[:19]}Z"


class Record:
    """An image that does not change any more; a change makes another record.

    It holds the image as JSON, ready to be sent, and beside it only what every list looks
    at.  So regions can share the records of images that are the same in each of them.

    :param created: when the image was made, as :func:`precise` gives it.
    :param updated: when it last changed, likewise.
    """

    __slots__ = ("body", "created", "hidden", "id", "owner", "updated", "visibility")

    def __init__(self, image: Image, created: str, updated: str) -> None:
        self.id: str = image["id"]
        # Few values for many records: one object for each.
        self.owner = sys.intern(image["owner"]) if image["owner"] is not None else None
        self.visibility = sys.intern(image["visibility"])
        self.hidden: bool = image["os_hidden"]
        self.created = created
        self.updated = created if updated == created else updated
        self.body = json.dumps(image, ensure_ascii=False).encode()

    @property
    def image(self) -> Image:
        """The image, each time another copy."""
        parsed: Image = json.loads(self.body)
        return parsed

    def holds(self, field: bytes) -> bool:
        """Tell whether the image has a field with a value, both as :func:`as_field` gives.

        Within a string a quote comes after a backslash, so nothing else looks the same.
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

    def __len__(self) -> int:
        return len(self._records)

    def get(self, image_id: str) -> Record | None:
        """Return an image that is there."""
        return self._records.get(image_id)

    def deleted(self, image_id: str) -> Record | None:
        """Return an image that was deleted, as it was last."""
        return self._deleted.get(image_id)

    def taken(self, image_id: str) -> bool:
        """Tell whether an id can't be used: deleted images keep theirs."""
        return image_id in self._records or image_id in self._deleted

    @property
    def ids(self) -> Iterable[str]:
        """The ids of all images that are there."""
        return self._records.keys()

    def put(self, record: Record) -> None:
        """Add an image, or replace it."""
        if record.id not in self._records:
            insort(self._sorted, record.id)
        self._records[record.id] = record

    def fill(self, records: Iterable[Record]) -> int:
        """Add many images that are not there yet; return how many."""
        before = len(self._records)
        self._records.update((record.id, record) for record in records)
        self._sorted = sorted(self._records)
        return len(self._records) - before

    def delete(self, image_id: str) -> None:
        """Delete an image; its id stays taken."""
        self._deleted[image_id] = self._records.pop(image_id)
        del self._sorted[bisect_right(self._sorted, image_id) - 1]

    def purge(self) -> None:
        """Forget what was deleted."""
        self._deleted.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.__init__()  # type: ignore[misc]

    def by_id(self, after: str | None) -> Iterator[Record]:
        """Return images in the order of ids, those that come after one."""
        begin = 0 if after is None else bisect_right(self._sorted, after)
        ids = map(self._sorted.__getitem__, range(begin, len(self._sorted)))
        return map(self._records.__getitem__, ids)

    def those(self, ids: Iterable[str]) -> Iterator[Record]:
        """Return those of the ids that are there, each once."""
        return (self._records[each] for each in set(ids) if each in self._records)
