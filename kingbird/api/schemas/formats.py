"""The formats of strings in schemas.

A schema names a format.  :data:`CHECKER` checks it, and :data:`PATTERNS` expresses it as a regular
expression for the OpenAPI document.
"""

import re
from datetime import date, datetime, timedelta

import jsonschema

from kingbird.states import ALL
from kingbird.text import CONTROL

#: The format of UUIDs, see :func:`normalize_uuid`.
UUID = "uuid-with-or-without-dashes"
#: The format of UUIDs and the wildcard.
UUID_OR_ALL = "uuid-or-all"
#: The format of texts without control characters, which a database and a URL can hold.
TEXT = "text-without-control-characters"
#: The format of dates and times, see :func:`normalize_datetime`.
DATETIME = "moment"

_HEX = "[0-9A-Fa-f]"
_ANY_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}|{_HEX}{{32}}"


def _day(dash: str) -> str:
    return (
        f"((0[13578]|1[02]){dash}(0[1-9]|[12][0-9]|3[01])|(0[469]|11){dash}(0[1-9]|[12][0-9]|30)"
        f"|02{dash}(0[1-9]|1[0-9]|2[0-8])|[Ww](0[1-9]|[1-4][0-9]|5[0-2]){dash}[1-7]"
        "|(00[1-9]|0[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-5]))"
    )


_TIME = "([01][0-9]|2[0-3])(:?[0-5][0-9](:?[0-5][0-9]([.,][0-9]+)?)?)?"
_ZONE = "([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?"

#: Each format in the dialect that ECMA 262 and Python share.  The pattern of dates leaves out rare
#: valid values: the 29th of February, the last day of a leap year by its number, the 53rd week,
#: 24:00, leap seconds, and years before 1000 or after 2999.
PATTERNS = {
    UUID: f"^({_ANY_UUID})$",
    UUID_OR_ALL: f"^({_ANY_UUID}|\\*)$",
    TEXT: r"^[^\u0000-\u001f\u007f-\u009f]*$",
    DATETIME: f"^[12][0-9]{{3}}(-{_day('-')}|{_day('')})([Tt ]{_TIME}{_ZONE})?$",
}

#: The checker of the formats above, and of no others.
CHECKER = jsonschema.FormatChecker(formats=())

_UUID = re.compile(r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})")
#: The day by month, by week or by its number in the year, each with or without dashes.
_DATETIME = re.compile(
    r"(?P<year>[0-9]{4})(?P<dash>-?)"
    r"((?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})"
    r"|W(?P<week>[0-9]{2})(?P=dash)(?P<weekday>[0-9])|(?P<number>[0-9]{3}))"
    r"([T ](?P<hour>[0-9]{2})(:?(?P<minute>[0-9]{2})(:?(?P<second>[0-9]{2})"
    r"([.,](?P<fraction>[0-9]+))?)?)?"
    r"(Z|(?P<sign>[+-])(?P<zone_hour>[0-9]{2})(:?(?P<zone_minute>[0-9]{2}))?)?)?"
)


class UnfitError(ValueError):
    """A string whose form is right and whose content is not; the message says why."""


def normalize_uuid(text: str) -> str:
    """Return a UUID in lower case with dashes.

    :raises ValueError: the text is not a UUID.
    """
    match = _UUID.fullmatch(text.lower())
    if match is None:
        raise ValueError("not a UUID")
    return "-".join(match.group(1, 3, 4, 5, 6))


def normalize_datetime(text: str) -> str:
    """Return a time in Glance's form: UTC, to the second.

    A fraction of a second is dropped, as Glance drops it from the times that it shows.  The rest
    is as :func:`read_datetime` has it.
    """
    return read_datetime(text).isoformat(timespec="seconds") + "Z"


def read_datetime(text: str) -> datetime:
    """Return a time in UTC, to the microsecond.

    :param text: a date, or a date and time, in ISO 8601.  A date alone is its midnight.  It is UTC
        if it names no zone.
    :raises ValueError: the text is not in ISO 8601.
    :raises UnfitError: there is no such time.
    """
    match = _DATETIME.fullmatch(text.upper())
    if match is None:
        raise ValueError("not a date and time")
    # A fraction may have more digits than Python takes for a number.
    past = (match["fraction"] or "").strip("0")
    given = {
        name: int(value)
        for name, value in match.groupdict("0").items()
        if name != "fraction" and value.isdigit()
    }
    hour, minute, second = given["hour"], given["minute"], given["second"]
    midnight = (hour, minute, second, past) == (24, 0, 0, "")
    if (hour > 23 and not midnight) or minute > 59 or second > 60:
        raise UnfitError("the clock has no such time")
    if given["zone_hour"] > 23 or given["zone_minute"] > 59:
        raise UnfitError("there is no such time zone")
    zone = timedelta(hours=given["zone_hour"], minutes=given["zone_minute"])
    # A leap second, which datetime does not know, counts as the second before.
    time = timedelta(
        hours=hour,
        minutes=minute,
        seconds=min(second, 59),
        microseconds=int(f"{match['fraction'] or ''}000000"[:6]),
    )
    day = _read_day(match, given)
    try:
        value = datetime(day.year, day.month, day.day) + (
            time + zone if match["sign"] == "-" else time - zone
        )
    except OverflowError:
        raise UnfitError("in UTC it is beyond the years 1 to 9999") from None
    if second == 60 and (value.hour, value.minute) != (23, 59):
        raise UnfitError("the clock has no such time")
    return value


def _read_day(match: re.Match[str], given: dict[str, int]) -> date:
    try:
        if match["week"]:
            return date.fromisocalendar(given["year"], given["week"], given["weekday"])
        if match["month"]:
            return date(given["year"], given["month"], given["day"])
        day = date(given["year"], 1, 1) + timedelta(days=given["number"] - 1)
    except (ValueError, OverflowError):
        raise UnfitError("the calendar has no such day") from None
    if day.year != given["year"]:
        raise UnfitError("the calendar has no such day")
    return day


@CHECKER.checks(UUID, raises=ValueError)
def _is_uuid(instance: object) -> bool:
    return not isinstance(instance, str) or bool(normalize_uuid(instance))


@CHECKER.checks(UUID_OR_ALL, raises=ValueError)
def _is_uuid_or_all(instance: object) -> bool:
    return instance == ALL or _is_uuid(instance)


@CHECKER.checks(TEXT, raises=ValueError)
def _is_text(instance: object) -> bool:
    if isinstance(instance, str) and CONTROL.search(instance):
        raise UnfitError("it holds a control character")
    return True


@CHECKER.checks(DATETIME, raises=ValueError)
def _is_datetime(instance: object) -> bool:
    return not isinstance(instance, str) or bool(normalize_datetime(instance))
