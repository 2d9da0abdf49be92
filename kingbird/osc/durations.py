"""Read durations that users write, and write the ages of times."""

import argparse
import re
from datetime import UTC, datetime

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
#: The units of an age, the largest one first.
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


def duration(text: str) -> int:
    """Return the seconds of a duration such as ``90``, ``30m``, ``1h`` or ``2d``."""
    found = re.fullmatch("([0-9]{1,9})([smhdw]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is no duration such as 90, 30m, 1h or 2d")
    return int(found[1]) * _SECONDS[found[2]]


def age(time: str | None, now: datetime | None = None) -> str:
    """Return how long ago a time was, such as ``12s``, ``5m``, ``3h`` or ``2d``.

    :param time: a time of the API, in ISO 8601 and UTC; the age of ``None`` is empty.
    :param now: the present time in UTC, by default that of the clock.
    """
    if time is None:
        return ""
    now = now or datetime.now(UTC)
    # The clocks of two machines may differ.
    seconds = max(0, int((now - datetime.fromisoformat(time).replace(tzinfo=UTC)).total_seconds()))
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
