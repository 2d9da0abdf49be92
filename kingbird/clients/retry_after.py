"""``Retry-After``, in which a region asks for patience: in seconds, or until a date (RFC 9110)."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: More is as good as for ever, and Python turns no number of any length into another.
DIGITS = 9


def seconds_of(value: str, now: datetime | None = None) -> int | None:
    """Return the seconds for which a header asks.

    :param value: what stands in the header, whatever it is.
    :param now: the moment from which a date counts, by default this one.
    :returns: never less than 0; ``None`` where it asks for nothing that can be understood.
    """
    value = value.strip()
    # A superscript 2 is a digit too, and no number.
    if value.isascii() and value.isdigit():
        digits = value.lstrip("0")
        return int(digits or 0) if len(digits) <= DIGITS else 10**DIGITS
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(math.ceil((until - (now or datetime.now(UTC))).total_seconds()), 0)
