"""Read the filters of the state of images from the page's URL."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

#: The states that a tile or the list of states selects, by the word in the URL.
STATES = {
    "drift": ("drift",),
    "conflict": ("conflict", "orphan"),
    "no_data": ("no_data", "importing"),
    "missing": ("missing",),
    "away": ("away",),
}
_SORTS = ("since", "name")
#: The longest name that Glance takes.
_MAX_NAME = 255


@dataclass(frozen=True)
class Filters:
    """The filters of the matrix.

    :ivar text: a name, or an image's id.
    :ivar state: a word of :data:`STATES`, or an empty text for all that differs.
    :ivar cell: the image and the region whose panel is open.
    """

    text: str = ""
    regions: tuple[str, ...] = ()
    state: str = ""
    sort: str = "since"
    marker: str = ""
    cell: tuple[str, str] | None = None

    @classmethod
    def read(cls, query: Any) -> "Filters":
        """Return the filters of a URL.  What no page would send is left out."""
        image, _bar, region = query.get("cell", "").partition("|")
        state, sort = query.get("state", ""), query.get("sort", "since")
        return cls(
            query.get("q", "").strip()[:_MAX_NAME],
            tuple(region for region in query.getlist("region") if region),
            state if state in STATES else "",
            sort if sort in _SORTS else "since",
            as_uuid(query.get("marker", "")),
            (as_uuid(image), region) if as_uuid(image) and region else None,
        )

    def for_call(self) -> dict[str, Any]:
        """Return the query of Kingbird's call."""
        return {
            "name": self.text,
            "region": list(self.regions),
            "state": list(STATES.get(self.state, ())),
            "sort": self.sort,
            "marker": self.marker,
        }

    def url_query(self, **changes: Any) -> str:
        """Return the filters as the query of a URL, from the first page on."""
        other = replace(self, **{"marker": "", "cell": None, **changes})
        pairs = [
            ("q", other.text),
            *(("region", region) for region in other.regions),
            ("state", other.state),
            ("sort", "" if other.sort == "since" else other.sort),
            ("marker", other.marker),
        ]
        return urlencode([(name, value) for name, value in pairs if value])


def as_uuid(text: str) -> str:
    """Return an id in lower case with dashes, or an empty text for what is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""
