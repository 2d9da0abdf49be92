"""The formats of strings in schemas.

A schema names a format.  :data:`CHECKER` checks it, and :data:`PATTERNS` expresses it as a regular
expression for the OpenAPI document.
"""

import re
from datetime import UTC, datetime

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
_DAY = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_ZONE = "([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?"

#: Each format in the dialect that ECMA 262 and Python share.  The pattern of dates leaves out rare
#: valid values: the 29th of February, and years before 1000 or after 2999.
PATTERNS = {
    UUID: f"^({_ANY_UUID})$",
    UUID_OR_ALL: f"^({_ANY_UUID}|\\*)$",
    TEXT: r"^[^\u0000-\u001f\u007f-\u009f]*$",
    DATETIME: f"^[12][0-9]{{3}}-{_DAY}[Tt ]{_TIME}(:[0-5][0-9]([.,][0-9]{{1,6}})?)?{_ZONE}$",
}

#: The checker of the formats above, and of no others.
CHECKER = jsonschema.FormatChecker(formats=())

_UUID = re.compile(r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


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

    :param text: date and time in ISO 8601; UTC if it names no zone.
    :raises ValueError: the text is not a date and time.
    """
    if not _DATETIME.fullmatch(text.upper()):
        raise ValueError("not a date and time")
    value = datetime.fromisoformat(text.upper())
    if value.tzinfo is not None:
        try:
            value = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("beyond the calendar") from None
    return value.isoformat(timespec="seconds") + "Z"


@CHECKER.checks(UUID, raises=ValueError)
def _is_uuid(instance: object) -> bool:
    return not isinstance(instance, str) or bool(normalize_uuid(instance))


@CHECKER.checks(UUID_OR_ALL, raises=ValueError)
def _is_uuid_or_all(instance: object) -> bool:
    return instance == ALL or _is_uuid(instance)


@CHECKER.checks(TEXT)
def _is_text(instance: object) -> bool:
    return not isinstance(instance, str) or not CONTROL.search(instance)


@CHECKER.checks(DATETIME, raises=ValueError)
def _is_datetime(instance: object) -> bool:
    return not isinstance(instance, str) or bool(normalize_datetime(instance))
