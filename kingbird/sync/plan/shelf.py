"""Keeps what a walk may look up later: the first in memory, and the others in a temporary file."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from kingbird import lenient_json
from kingbird.states import ResourceType
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan.targets import is_forced_copy

#: Values that are kept in memory.
IN_MEMORY = 1000


class Shelf:
    """Values by region, image and name.

    A database of SQLite without a name is a file that nobody else sees, and that is gone when it
    is closed or the process ends.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], dict[str, Any]] = {}
        self._count = 0
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Delete the file."""
        if self._db is not None:
            self._db.close()

    def put(self, region: str, image_id: str, name: str, value: Any) -> None:
        """Keep a value that can be written as JSON, instead of another one of the same name."""
        key = region, image_id
        if self._count < IN_MEMORY or name in self._first.get(key, ()):
            self._count += name not in self._first.setdefault(key, {})
            self._first[key][name] = value
            return
        if self._db is None:
            self._db = sqlite3.connect("")
            self._db.execute(
                "CREATE TABLE kept (region, image, name, value BLOB, "
                "PRIMARY KEY (region, image, name)) WITHOUT ROWID"
            )
        row = (region, image_id, name, lenient_json.dumps(value))
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", row)

    def get(self, region: str, image_id: str) -> dict[str, Any]:
        """Return the values of an image in a region, by name."""
        found = self._first.get((region, image_id), {})
        if self._db is None:
            return found
        query = "SELECT name, value FROM kept WHERE region = ? AND image = ?"
        rows = self._db.execute(query, (region, image_id))
        return {**found, **{name: lenient_json.loads(value) for name, value in rows}}


class ForcedCopies:
    """The known forced copies, by region and source image.  There may be one of each image."""

    def __init__(self) -> None:
        self._shelf = Shelf()
        self.close = self._shelf.close

    def add(self, region: str, images: Iterable[Image]) -> None:
        """Add those of a region's images that are forced copies."""
        for image in images:
            if is_forced_copy(region, image):
                self._shelf.put(region, image[fields.SOURCE_ID], image["id"], dict(image))

    def copies_of(self, region: str, source_id: str) -> Mapping[str, Image]:
        """Return the forced copies of an image in a region, by id."""
        return self._shelf.get(region, source_id)


class MovedImages:
    """Images that are in sync under another id, and have no item."""

    def __init__(self) -> None:
        self._shelf = Shelf()
        self.close = self._shelf.close

    def add(self, item: Item) -> None:
        """Add an image of an item that has ended."""
        reason = item.outcome and item.outcome.reason
        value = (item.source_region, item.name, item.target_resource, reason)
        self._shelf.put(item.target_region, item.resource, ResourceType.IMAGE, value)

    def find(self, region: str, image_id: str) -> Item | None:
        """Return the item of an image in a target region, if it is one of them."""
        kept = self._shelf.get(region, image_id)
        if not kept:
            return None
        source_region, name, target_resource, reason = kept[ResourceType.IMAGE]
        item = Item(image_id, source_region, region, name=name)
        return item.with_outcome(Outcome(reason, target_resource=target_resource))
