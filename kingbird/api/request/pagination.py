"""Lists by the page: what a query asks for, and the link to what comes next."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import webob

from kingbird import exception
from kingbird.api.schemas import formats

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    """A page of a list, as a request asks for it.

    :ivar request: the request.
    :ivar limit: how many entries the page has at most.
    :ivar marker: the id of the entry that it comes after.
    :ivar status: the states of the entries that are listed.
    :ivar sorting: ``sort_key`` and ``sort_dir`` as far as they are given; without, each list has
        an order of its own.
    """

    request: webob.Request
    limit: int
    marker: str | None
    status: frozenset[str] | None
    sorting: dict[str, str]

    @property
    def query_args(self) -> dict[str, Any]:
        """What the database takes: one row more, which tells whether another page follows."""
        return {
            "limit": self.limit + 1,
            "marker": self.marker,
            "status": self.status,
            **self.sorting,
        }

    def paginate(
        self, rows: Sequence[Row], id_of: Callable[[Row], str]
    ) -> tuple[Sequence[Row], list[dict[str, str]]]:
        """Return the rows of this page, and the link to the next one if there is one.

        :param rows: as they come by :attr:`query_args`.
        :param id_of: tells a row's id.
        """
        if len(rows) <= self.limit:
            return rows, []
        shown = rows[: self.limit]
        asked = parse_qsl(self.request.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        query = [pair for pair in asked if pair[0] != "marker"]
        query.append(("marker", id_of(shown[-1])))
        return shown, [{"rel": "next", "href": f"{self.request.path_url}?{urlencode(query)}"}]

    def paginate_entries(self, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Select from the entries of an answer as the database does from its rows.

        :raises kingbird.exception.BadRequest: none has the marker's id.
        """
        listed = list(entries)
        if "sort_key" in self.sorting:
            listed.sort(key=lambda entry: entry[self.sorting["sort_key"]] or "")
        if self.sorting.get("sort_dir") == "desc":
            listed.reverse()
        if self.marker is not None:
            ids = [entry["id"] for entry in listed]
            if self.marker not in ids:
                raise exception.BadRequest(f"marker names nothing in this list: {self.marker}")
            del listed[: ids.index(self.marker) + 1]
        if self.status is not None:
            listed = [entry for entry in listed if entry["sync_status"] in self.status]
        return listed[: self.limit + 1]


def from_request(request: webob.Request, query: Mapping[str, Any], most: int) -> Page:
    """Return which page of a list a request asks for.

    :param query: its parameters, valid by :mod:`kingbird.api.schemas.sync_jobs.queries`.
    :param most: the limit of a request that sets none, or a larger one.
    """
    return Page(
        request=request,
        limit=min(query.get("limit", most), most),
        marker=formats.normalize_uuid(query["marker"]) if "marker" in query else None,
        status=frozenset(query.get("status", ())) or None,
        sorting={name: query[name] for name in ("sort_key", "sort_dir") if name in query},
    )
