"""Names of the calls to Glance that the proxies recorded."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Call, Proxy
from kingbird.tests.functional.snapshots import walk

#: Glance's limit of a page.
PAGE = 1000
FORCED, VISIBLE, HIDDEN = "forced copies", "page of visible", "page of hidden"
NAMES, BY_IDS = "images by their names", "images by their ids"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")


def is_walk(call: Call) -> bool:
    """Return True if a call lists a page of all images of a region."""
    return (
        call.path == "/v2/images"
        and "sort_key" in call.query
        and "kingbird_forced" not in call.query
        and not _asks_for_names(call)
    )


def _asks_for_names(call: Call) -> bool:
    return call.query.get("name", "").startswith(("in:", "eq:"))


def name_of(call: Call) -> str:
    """Return the name of a call, without the ids of images and projects."""
    if is_walk(call):
        return HIDDEN if call.query.get("os_hidden") == "true" else VISIBLE
    if call.path == "/v2/images" and _asks_for_names(call):
        return NAMES
    if call.path == "/v2/images" and "kingbird_forced" in call.query:
        return FORCED
    if call.path == "/v2/images" and "id" in call.query:
        return BY_IDS
    return f"{call.method} {_UUID.sub('ID', call.path)}"


class Recorded:
    """The calls to each region during a block.  It is complete when the block has ended."""

    def __init__(self, calls: Mapping[str, list[Call]]) -> None:
        self.calls = calls

    def counts(self, region: str) -> dict[str, int]:
        """Count a region's calls by name."""
        return dict(Counter(name_of(call) for call in self.calls[region]))

    def writes(self, region: str) -> list[str]:
        """Return the names of a region's calls that may have changed something."""
        return sorted(name_of(call) for call in self.calls[region] if call.writes)

    def of_request(self, request_id: str) -> dict[str, list[Call]]:
        """Return the calls by region that were made for a request."""
        return {
            region: [call for call in calls if request_id in call.headers.values()]
            for region, calls in self.calls.items()
        }

    @property
    def all_writes(self) -> list[str]:
        """Return the names of all regions' calls that may have changed something."""
        return [f"{region}: {name}" for region in self.calls for name in self.writes(region)]


@contextlib.contextmanager
def recording(glances: Mapping[str, Proxy]) -> Iterator[Recorded]:
    """Record the calls to all Glances."""
    with ExitStack() as stack:
        yield Recorded(
            {region: stack.enter_context(proxy.recording()) for region, proxy in glances.items()}
        )


def lists_of_a_walk(who: Person, region: str) -> dict[str, int]:
    """Return the number of calls for a walk of a region, as it is at the moment."""
    return {
        FORCED: 1,
        VISIBLE: len(walk(who, region, hidden=False)) // PAGE + 1,
        HIDDEN: len(walk(who, region, hidden=True)) // PAGE + 1,
    }
