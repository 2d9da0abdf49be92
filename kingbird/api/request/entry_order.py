"""Sort the entries of an answer without holding them: there may be a million."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any, Protocol

#: Three numbers by which an entry is made.
Place = tuple[int, int, int]
Entry = dict[str, Any]


_ASCENDING = "SELECT a, b, c FROM entries ORDER BY k, n"
_DESCENDING = "SELECT a, b, c FROM entries ORDER BY k DESC, n DESC"


class Entries(Protocol):
    """Entries that are made as they are needed."""

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries in their own order."""

    def placed(self) -> Iterator[tuple[Place, Entry]]:
        """Yield the entries in their own order, each with its place."""

    def entry(self, place: Place) -> Entry:
        """Return the entry of a place."""


def in_order(entries: Entries, key: str | None, *, descending: bool) -> Iterator[Entry]:
    """Yield entries sorted by a field; equal ones stay in their own order, or turn it around.

    Their places and that field are sorted in a temporary file.

    :param key: ``None`` for their own order.
    """
    rows = (((entry[key] or "") if key else "", *place) for place, entry in entries.placed())
    # The thread that sends an answer may be another one.
    with contextlib.closing(sqlite3.connect("", check_same_thread=False)) as file:
        file.execute("CREATE TABLE entries (n INTEGER PRIMARY KEY, k BLOB, a, b, c)")
        file.executemany(
            "INSERT INTO entries (k, a, b, c) VALUES (?, ?, ?, ?)",
            ((text.encode("utf-8", "surrogatepass"), *place) for text, *place in rows),
        )
        for place in file.execute(_DESCENDING if descending else _ASCENDING):
            yield entries.entry(place)
