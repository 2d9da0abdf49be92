"""Times of Kingbird, which are in UTC and have no zone, as people say them."""

from datetime import UTC, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def read(text: str | None) -> datetime | None:
    """Return a time of the API, or ``None``; the published list has ``"None"`` for none."""
    if not text or text == "None":
        return None
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def seconds_since(text: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds since a time of the API; a negative number for one to come."""
    moment = read(text)
    if moment is None:
        return None
    return ((now or datetime.now(UTC)) - moment).total_seconds()


def step(seconds: float | None) -> tuple[int, int] | None:
    """Return the seconds of the unit in which a cell shows a duration, and how many there are."""
    if seconds is None:
        return None
    whole = max(0, int(abs(seconds)))
    unit = next((unit for unit in (_DAY, _HOUR, _MINUTE) if whole >= unit), 1)
    return unit, whole // unit


def short(seconds: float | None) -> str:
    """Return a duration as a cell shows it: ``20 s``, ``12 min``, ``2 h``, ``3 d``."""
    shown = step(seconds)
    if shown is None:
        return ""
    unit, number = shown
    words = {1: _("%d s"), _MINUTE: _("%d min"), _HOUR: _("%d h"), _DAY: _("%d d")}
    return words[unit] % number


def long(seconds: float | None) -> str:
    """Return a duration in words, as a tile shows it: ``3 days``."""
    if seconds is None:
        return ""
    whole = max(0, int(abs(seconds)))
    if whole < _DAY:
        return short(whole)
    days = whole // _DAY
    return ngettext("%d day", "%d days", days) % days


def since(text: str | None, now: datetime | None = None) -> str:
    """Return how long ago a time of the API was, as a cell shows it."""
    return short(seconds_since(text, now))


def between(first: str | None, last: str | None) -> str:
    """Return how long something took; until now if it has not ended."""
    begun, ended = read(first), read(last)
    if begun is None:
        return ""
    return short(((ended or datetime.now(UTC)) - begun).total_seconds())
