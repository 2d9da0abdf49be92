"""Pagination of lists: the page that a query requests, and the link to the next page.

The published client sends no limit and follows no link, so a list without a limit is whole.  It is
read page by page, and :mod:`kingbird.api.request.streaming` sends it in the same way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import webob

from kingbird import exception
from kingbird.api.request.entry_order import Entries, Entry, in_order
from kingbird.api.schemas import formats
from kingbird.batching import batched

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    """A page of a list.

    :ivar limit: the maximum of entries in the page.
    :ivar is_whole: True if all further pages belong to the same response.
    :ivar marker: the id of the entry before the page.
    :ivar status: the states of the entries in the list.
    :ivar sorting: ``sort_key`` and ``sort_dir``, as far as the query has them.  Each list has its
        own default.
    """

    request: webob.Request
    limit: int
    is_whole: bool
    marker: str | None
    status: frozenset[str] | None
    sorting: dict[str, str]

    @property
    def query_args(self) -> dict[str, Any]:
        """Return the arguments of a database query, with one row more to detect a next page."""
        return {
            "limit": self.limit + 1,
            "marker": self.marker,
            "status": self.status,
            **self.sorting,
        }

    def read(self, fetch: Callable[..., Sequence[Row]]) -> Iterator[Sequence[Row]]:
        """Yield the rows of the page, and those of further pages if the list is whole.

        :param fetch: a database query that takes :attr:`query_args`, and as ``after`` the row
            before the page.
        """
        after: Row | None = None
        while True:
            rows = fetch(**self.query_args, after=after)
            yield rows
            if not self.is_whole or len(rows) <= self.limit:
                return
            after = rows[self.limit - 1]

    def paginate(
        self, rows: Sequence[Row], id_of: Callable[[Row], str]
    ) -> tuple[Sequence[Row], list[dict[str, str]]]:
        """Return the rows of this page, and the link to the next page if there is one.

        :param rows: the rows that :attr:`query_args` selects.
        """
        page = rows[: self.limit]
        if len(rows) <= self.limit or self.is_whole:
            return page, []
        parameters = parse_qsl(
            self.request.environ.get("QUERY_STRING", ""), keep_blank_values=True
        )
        query = [pair for pair in parameters if pair[0] != "marker"]
        query.append(("marker", id_of(page[-1])))
        return page, [{"rel": "next", "href": f"{self.request.path_url}?{urlencode(query)}"}]

    def read_entries(self, entries: Entries) -> Iterator[list[Entry]]:
        """Select from entries as :meth:`read` selects from the database's rows.

        :raises kingbird.exception.BadRequest: no entry has the marker's id.
        """
        selected = iter(entries)
        if self.sorting:
            descending = self.sorting.get("sort_dir") == "desc"
            selected = in_order(entries, self.sorting.get("sort_key"), descending=descending)
        if self.marker is not None and not any(one["id"] == self.marker for one in selected):
            raise exception.BadRequest(f"marker names nothing in this list: {self.marker}")
        if self.status is not None:
            states = self.status
            selected = (entry for entry in selected if entry["sync_status"] in states)
        yield list(islice(selected, self.limit if self.is_whole else self.limit + 1))
        if self.is_whole:
            yield from batched(selected, self.limit)


def from_request(request: webob.Request, query: Mapping[str, Any], max_limit: int) -> Page:
    """Return the page that a request asks for.

    :param query: parameters that are valid by :mod:`kingbird.api.schemas.sync_jobs.queries`.
    :param max_limit: the maximum of the limit.
    """
    return Page(
        request=request,
        limit=min(query.get("limit", max_limit), max_limit),
        is_whole="limit" not in query,
        marker=formats.normalize_uuid(query["marker"]) if "marker" in query else None,
        status=frozenset(query.get("status", ())) or None,
        sorting={name: query[name] for name in ("sort_key", "sort_dir") if name in query},
    )
