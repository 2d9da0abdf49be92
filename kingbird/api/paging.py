"""Lists by the page: what a query asks for, and the link to what comes next."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import webob

from kingbird import exception
from kingbird.api import validation
from kingbird.db import api as db

Row = TypeVar("Row")

PARAMETERS = ("limit", "marker", "sort_dir", "sort_key", "status")


@dataclass(frozen=True)
class Kind:
    """What can be asked of a list.

    :ivar what: what its entries are.
    :ivar states: the states that they can be in.
    :ivar sort_keys: what they can be sorted by.
    """

    what: str
    states: Collection[str]
    sort_keys: Collection[str]


JOBS = Kind("job", db.jobs.JOB_STATES, db.paging.JOB_KEYS)
ITEMS = Kind("item", db.jobs.ITEM_STATES, db.paging.ITEM_KEYS)


@dataclass(frozen=True)
class Page:
    """A page of a list, as a request asks for it.

    :ivar request: the request.
    :ivar limit: how many entries the page has at most.
    :ivar marker: the id of the entry that it comes after.
    :ivar status: the states of the entries that are listed.
    :ivar order: ``sort_key`` and ``sort_dir`` as far as they are given; without, each list has
        an order of its own.
    """

    request: webob.Request
    limit: int
    marker: str | None
    status: frozenset[str] | None
    order: dict[str, str]

    @property
    def options(self) -> dict[str, Any]:
        """What the database takes: one row more, which tells whether another page follows."""
        return {
            "limit": self.limit + 1,
            "marker": self.marker,
            "status": self.status,
            **self.order,
        }

    def cut(
        self, rows: Sequence[Row], id_of: Callable[[Row], str]
    ) -> tuple[Sequence[Row], list[dict[str, str]]]:
        """Return the rows of this page, and the link to the next one if there is one.

        :param rows: as they come by :attr:`options`.
        :param id_of: tells a row's id.
        """
        if len(rows) <= self.limit:
            return rows, []
        shown = rows[: self.limit]
        query = [
            pair for pair in validation.query(self.request, PARAMETERS) if pair[0] != "marker"
        ]
        query.append(("marker", id_of(shown[-1])))
        return shown, [{"rel": "next", "href": f"{self.request.path_url}?{urlencode(query)}"}]

    def of(self, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Select from the entries of an answer as the database does from its rows.

        :raises kingbird.exception.BadRequest: none has the marker's id.
        """
        listed = list(entries)
        if "sort_key" in self.order:
            listed.sort(key=lambda entry: entry[self.order["sort_key"]] or "")
        if self.order.get("sort_dir") == "desc":
            listed.reverse()
        if self.marker is not None:
            ids = [entry["id"] for entry in listed]
            if self.marker not in ids:
                raise exception.BadRequest(f"marker names nothing in this list: {self.marker}")
            del listed[: ids.index(self.marker) + 1]
        if self.status is not None:
            listed = [entry for entry in listed if entry["sync_status"] in self.status]
        return listed[: self.limit + 1]


def _wrong(name: str, value: str, allowed: str) -> exception.BadRequest:
    return exception.BadRequest(f"{name} is {validation.shown(value)}; it must be {allowed}")


def _limit(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise _wrong("limit", text, "a whole number of at least 1")
    # Python makes no number of thousands of digits.
    return min(int(text), most) if len(text) < 20 else most


def _marker(text: str, kind: Kind) -> str:
    try:
        return validation.dashed(text)
    except ValueError:
        raise _wrong("marker", text, f"the id of the last {kind.what} seen (a UUID)") from None


def _one_of(name: str, value: str, allowed: Iterable[str]) -> str:
    if value not in allowed:
        raise _wrong(name, value, f"one of {', '.join(allowed)}")
    return value


def read(request: webob.Request, kind: Kind, most: int) -> Page:
    """Read which page of a list a request asks for.

    :param most: the limit of a request that sets none, or a larger one.
    :raises kingbird.exception.BadRequest: a parameter is unknown, comes twice, or has a value
        that it can't have; the message names it and tells what it can be.
    """
    pairs = validation.query(request, PARAMETERS)
    states = [state for name, text in pairs if name == "status" for state in text.split(",")]
    given: dict[str, str] = {}
    for name, text in pairs:
        if name in given and name != "status":
            raise exception.BadRequest(f"{name} can be given only once")
        given[name] = text
    order = {}
    if "sort_key" in given:
        order["sort_key"] = _one_of("sort_key", given["sort_key"], kind.sort_keys)
    if "sort_dir" in given:
        order["sort_dir"] = _one_of("sort_dir", given["sort_dir"], db.paging.DIRECTIONS)
    return Page(
        request=request,
        limit=_limit(given["limit"], most) if "limit" in given else most,
        marker=_marker(given["marker"], kind) if "marker" in given else None,
        status=frozenset(_one_of("status", state, kind.states) for state in states) or None,
        order=order,
    )
