"""The formats of texts: what schemas name, what is checked, and what the OpenAPI document says.

A schema names a format; :data:`CHECKER` checks it, and :data:`PATTERNS` says the same in a
regular expression that any reader of the document can use.
"""

import re
from datetime import UTC, datetime

import jsonschema

from kingbird.states import ALL

#: The name of :func:`normalize_uuid`'s check within schemas.
UUID = "uuid-with-or-without-dashes"
#: The same, or what stands for all.
UUID_OR_ALL = "uuid-or-all"
#: The name of the check of texts that a database and a URL can hold.
TEXT = "text-without-control-characters"
#: The name of :func:`normalize_datetime`'s check.
DATETIME = "moment"

_HEX = "[0-9A-Fa-f]"
_ANY_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}|{_HEX}{{32}}"
_DAY = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_ZONE = "([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?"

#: Each format in the dialect that ECMA 262, Python and others share.  That of moments leaves
#: out what is valid too but rare: the 29th of February, and years that no image was made in.
PATTERNS = {
    UUID: f"^({_ANY_UUID})$",
    UUID_OR_ALL: f"^({_ANY_UUID}|\\*)$",
    TEXT: r"^[^\u0000-\u001f\u007f-\u009f]*$",
    DATETIME: f"^[12][0-9]{{3}}-{_DAY}[Tt ]{_TIME}(:[0-5][0-9]([.,][0-9]{{1,6}})?)?{_ZONE}$",
}

#: Checks the formats above, and no others.
CHECKER = jsonschema.FormatChecker(formats=())

_UUID = re.compile(r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def normalize_uuid(text: str) -> str:
    """Return a UUID in lower case with dashes, whatever of both it came with.

    :raises ValueError: it is no UUID.
    """
    match = _UUID.fullmatch(text.lower())
    if match is None:
        raise ValueError("no UUID")
    return "-".join(match.group(1, 3, 4, 5, 6))


def normalize_datetime(text: str) -> str:
    """Return a moment as Glance writes it: UTC, to the second.

    :param text: ISO 8601, of date and time; UTC unless it names another zone.
    :raises ValueError: it is something else.
    """
    if not _MOMENT.fullmatch(text.upper()):
        raise ValueError("no moment")
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("beyond the calendar") from None
    return moment.isoformat(timespec="seconds") + "Z"


@CHECKER.checks(UUID, raises=ValueError)
def _is_uuid(instance: object) -> bool:
    return not isinstance(instance, str) or bool(normalize_uuid(instance))


@CHECKER.checks(UUID_OR_ALL, raises=ValueError)
def _is_selected(instance: object) -> bool:
    return instance == ALL or _is_uuid(instance)


@CHECKER.checks(TEXT)
def _is_text(instance: object) -> bool:
    return not isinstance(instance, str) or not _CONTROL.search(instance)


@CHECKER.checks(DATETIME, raises=ValueError)
def _is_moment(instance: object) -> bool:
    return not isinstance(instance, str) or bool(normalize_datetime(instance))
