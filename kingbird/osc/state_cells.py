"""Convert stored states of images to a matrix of images and regions.  Makes no calls.

A region has no stored state of an image that is in order there.  Such a cell is blank if the
region was never compared, can't be read, or keeps no state of each image because nearly all of
them are alike.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from cliff import columns

from kingbird.osc import matrix
from kingbird.osc.differences import explain
from kingbird.osc.durations import age
from kingbird.osc.output import JSON

#: The symbols of the states.
SYMBOLS = {
    "same": matrix.SAME,
    "no_data": matrix.NO_DATA,
    "missing": matrix.MISSING,
    "drift": matrix.DIFFERENT,
    "conflict": matrix.PROBLEM,
    "orphan": "x",
    "importing": ">",
    "away": "?",
    "unknown": "?",
}
LEGEND = (
    "= in order   o no data   + missing   ~ differs   ! conflict   x orphan   > importing   "
    "? not reached   (blank) not known"
)
#: The states that figures count.
_COUNTED = ("no_data", "missing", "drift", "conflict", "orphan", "away", "importing")


class AgeColumn(columns.FormattableColumn[str | None]):
    """A cell with how long ago a time was; programs get the time."""

    def human_readable(self) -> str:
        """Return the age."""
        return age(self._value)


class StateCell(columns.FormattableColumn[JSON | None]):
    """An image in a region: a symbol and its age; programs get all that is stored."""

    def human_readable(self) -> str:
        """Return the symbol and the age of the state."""
        if self._value is None:
            return matrix.UNKNOWN
        symbol = SYMBOLS.get(self._value["state"], matrix.PROBLEM)
        return f"{symbol} {age(self._value.get('since'))}".rstrip()


def cell(image: JSON, region: str, figures: JSON | None) -> StateCell:
    """Return an image in a region.

    :param image: an image of the list.
    :param figures: those of the region.
    """
    found = image["cells"].get(region)
    if found is None and (region == image["source_region"] or _is_known(figures)):
        found = {"state": "same"}
    return StateCell(found)


def _is_known(figures: JSON | None) -> bool:
    """Return True if an image without a stored state is in order in a region."""
    return bool(
        figures
        and figures["compared_at"]
        and figures["away_since"] is None
        and figures["mostly"] is None
    )


def oldest(image: JSON) -> str | None:
    """Return the time since which the oldest state of an image is the same."""
    times = [each["since"] for each in image["cells"].values() if each["since"]]
    return min(times, default=None)


def reasons(image: JSON) -> dict[str, str]:
    """Return a sentence for each region where an image is not in order."""
    return {
        region: explain(each["reason"] or each["state"], each["message"], each["fields"])
        for region, each in sorted(image["cells"].items())
    }


def footer(regions: Mapping[str, JSON], now: datetime | None = None) -> list[str]:
    """Return the lines below the matrix: the legend, and what is known of each region.

    :param regions: the figures by region.
    :param now: the present time in UTC, by default that of the clock.
    """
    lines = [LEGEND]
    for region, figures in sorted(regions.items()):
        counts = [f"{figures[each]} {each}" for each in _COUNTED if figures[each]]
        if figures["same"] is not None:
            counts.insert(0, f"{figures['same']} of {figures['images']} in order")
        if figures["mostly"]:
            counts.append(f"nearly all {figures['mostly']}, which have no row")
        if figures["oldest"]:
            counts.append(f"the oldest for {age(figures['oldest'], now)}")
        if figures["away_since"]:
            counts.append(f"not reached for {age(figures['away_since'], now)}")
        compared = figures["compared_at"]
        counts.append(f"compared {age(compared, now)} ago" if compared else "never compared")
        lines.append(f"{region}: {', '.join(counts)}")
    return lines


def unseen(regions: Mapping[str, JSON], named: Sequence[str]) -> list[str]:
    """Return the regions that nothing certain is known about.

    A region that is only a source is never compared, so that it counts only if it is named.

    :param regions: the figures by region.
    :param named: regions that the user asks for; all without one.
    """
    if named:
        return sorted(
            name
            for name in named
            if name not in regions
            or regions[name]["away_since"]
            or not regions[name]["compared_at"]
        )
    if not any(each["compared_at"] for each in regions.values()):
        return sorted(regions)
    return sorted(name for name, each in regions.items() if each["away_since"])


def is_in_order(regions: Mapping[str, JSON], named: Sequence[str], states: Sequence[str]) -> bool:
    """Return True if no region has images without a row that are not in order.

    :param named: the regions that count; all without one.
    :param states: the states that count; all without one.
    """
    return not any(
        each["mostly"] and (not states or each["mostly"] in states)
        for name, each in regions.items()
        if not named or name in named
    )
