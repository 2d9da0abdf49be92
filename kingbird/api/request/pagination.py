"""Pagination of lists: the page that a query requests, and the link to the next page."""

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
    """A page of a list.

    :ivar limit: the maximum of entries in the page.
    :ivar marker: the id of the entry before the page.
    :ivar status: the states of the entries in the list.
    :ivar sorting: ``sort_key`` and ``sort_dir``, as far as the query has them.  Each list has its
        own default.
    """

    request: webob.Request
    limit: int
    marker: str | None
    status: frozenset[str] | None
    sorting: dict[str, str]

    @property
    def place_args(self) -> dict[str, Any]:
        """Return the arguments of a query that place the page, with one row more.

        The row shows if there is a next page.
        """
        return {"limit": self.limit + 1, "marker": self.marker, **self.sorting}

    @property
    def query_args(self) -> dict[str, Any]:
        """Return the arguments of a query of jobs or items."""
        return {**self.place_args, "status": self.status}

    def paginate(
        self, rows: Sequence[Row], id_of: Callable[[Row], str]
    ) -> tuple[Sequence[Row], list[dict[str, str]]]:
        """Return the rows of this page, and the link to the next page if there is one.

        :param rows: the rows that :attr:`query_args` selects.
        """
        if len(rows) <= self.limit:
            return rows, []
        page = rows[: self.limit]
        parameters = parse_qsl(
            self.request.environ.get("QUERY_STRING", ""), keep_blank_values=True
        )
        query = [pair for pair in parameters if pair[0] != "marker"]
        query.append(("marker", id_of(page[-1])))
        return page, [{"rel": "next", "href": f"{self.request.path_url}?{urlencode(query)}"}]

    def paginate_entries(self, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Select from entries as the database selects from its rows.

        :raises kingbird.exception.BadRequest: no entry has the marker's id.
        """
        selected = list(entries)
        if "sort_key" in self.sorting:
            selected.sort(key=lambda entry: entry[self.sorting["sort_key"]] or "")
        if self.sorting.get("sort_dir") == "desc":
            selected.reverse()
        if self.marker is not None:
            ids = [entry["id"] for entry in selected]
            if self.marker not in ids:
                raise exception.BadRequest(f"marker names nothing in this list: {self.marker}")
            del selected[: ids.index(self.marker) + 1]
        if self.status is not None:
            selected = [entry for entry in selected if entry["sync_status"] in self.status]
        return selected[: self.limit + 1]


def from_request(request: webob.Request, query: Mapping[str, Any], max_limit: int) -> Page:
    """Return the page that a request asks for.

    :param query: parameters that are valid by :mod:`kingbird.api.schemas.sync_jobs.queries`.
    :param max_limit: the default and the maximum of the limit.
    """
    return Page(
        request=request,
        limit=min(query.get("limit", max_limit), max_limit),
        marker=formats.normalize_uuid(query["marker"]) if "marker" in query else None,
        status=frozenset(query.get("status", ())) or None,
        sorting={name: query[name] for name in ("sort_key", "sort_dir") if name in query},
    )
