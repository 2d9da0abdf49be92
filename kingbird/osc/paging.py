"""Options of paginated lists."""

import argparse
from typing import Any

from osc_lib import exceptions

from kingbird.osc.arguments import flag, option, repeated

#: The size of a page unless the user sets one.  Without a limit the API sends the whole list.
PAGE = 1000


def add_paging(parser: argparse.ArgumentParser, noun: str) -> None:
    """Add the options of pages, filters and sorting.

    :param noun: the name of the listed things in plural.
    """
    pages = parser.add_mutually_exclusive_group()
    flag(pages, "--all", f"All {noun} (default: one page)")
    option(pages, "--limit", "<number>", f"Maximum of {noun}", type=int)
    option(parser, "--marker", "<id>", f"Only {noun} after this one (ID)")
    repeated(parser, "--status", "<status>", f"Only {noun} with this status (repeat for several)")
    option(parser, "--sort", "<key>[:<direction>]", "Sort by this field, asc or desc")


def query_of(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the client's arguments for the options.

    :raises osc_lib.exceptions.CommandError: the options are invalid.
    """
    limit = check_limit(parsed.limit)
    key, _, direction = (parsed.sort or "").partition(":")
    return {
        "limit": limit or (None if parsed.all else PAGE),
        "marker": parsed.marker,
        "status": ",".join(status.upper() for status in parsed.status or []) or None,
        "sort_key": key or None,
        "sort_dir": direction or None,
    }


def check_limit(limit: int | None) -> int | None:
    """Return a limit.

    :raises osc_lib.exceptions.CommandError: it is less than 1.
    """
    if limit is not None and limit < 1:
        raise exceptions.CommandError("--limit must be at least 1")
    return limit
