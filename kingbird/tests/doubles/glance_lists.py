"""The image lists of Glance 33: filters, order, pages and their links."""

import json
import operator as operators
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from kingbird import exception
from kingbird.tests.doubles import glance_rules as rules
from kingbird.tests.doubles.glance_rules import Caller, refuse
from kingbird.tests.doubles.glance_store import Record, Store, as_field, precise

#: The default limit and the largest limit.
USUAL_PAGE, LARGEST_PAGE = 25, 1000

Test = Callable[[Record], bool]

_VISIBILITIES = ("community", "public", "private", "shared", "all", "")
_MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
_SORT_KEYS = (
    "name status container_format disk_format size id created_at updated_at".split()  # noqa: SIM905
)
#: Filters that take an operator such as ``eq`` or ``in`` before the value.
_WITH_OPERATOR = frozenset({"name", "id", "status", "container_format", "disk_format"})
_NUMBERS = frozenset({"size", "virtual_size", "min_ram", "min_disk"})
_COMPARISONS = {
    "gt": operators.gt,
    "gte": operators.ge,
    "lt": operators.lt,
    "lte": operators.le,
    "eq": operators.eq,
    "neq": operators.ne,
}
_TIMES = frozenset({"created_at", "updated_at"})
#: Columns of other tables, which Glance cannot filter by.
_STUMBLES = frozenset({"members", "properties", "locations"})
#: Attributes of Glance's model that are no columns.  As filters they match no image.
_FINDS_NOTHING = frozenset(
    {
        *("delete", "get", "items", "iteritems", "keys", "metadata", "registry", "save"),
        *("to_dict", "update", "values"),
    }
)


@dataclass
class Listing:
    """A checked query."""

    query: str
    limit: int = USUAL_PAGE
    marker: str | None = None
    visibility: str | None = None
    member_status: str = "accepted"
    hidden: bool = False
    by_id: bool = False
    ids: frozenset[str] | None = None
    tests: list[Test] = field(default_factory=list)


def parse(query: str) -> Listing:
    """Check the query of a list.

    :raises kingbird.exception.ImageRequestRejected: 400, for an invalid filter.
    :raises kingbird.exception.RegionUnavailable: 500, for a filter that makes Glance fail.
    """
    listing = Listing(query)
    pairs = parse_qsl(query, keep_blank_values=True)
    tags = {value.strip() for name, value in pairs if name == "tag"}
    filters = {name: value for name, value in pairs if name != "tag"}
    listing.visibility = filters.pop("visibility", None)
    listing.member_status = filters.pop("member_status", "accepted")
    _check(listing.visibility or "", _VISIBILITIES, "visibility value")
    if "changes-since" in filters:
        raise refuse(400, 'The "changes-since" filter is no longer available on v2.')
    _check(listing.member_status, _MEMBER_STATUSES, "status")
    listing.marker = filters.pop("marker", None)
    listing.limit = min(_limit(filters.pop("limit", str(USUAL_PAGE))), LARGEST_PAGE)
    listing.by_id = _by_id(filters.pop("sort_key", ""), filters.pop("sort_dir", ""))
    listing.hidden = _boolean("os_hidden", filters.pop("os_hidden", "false").lower())
    filters.pop("deleted", None)
    listing.tests = [_tag(tag) for tag in tags]
    for name, value in filters.items():
        _add_filter(listing, name, value)
    return listing


def page(caller: Caller, store: Store, listing: Listing, largest: int | None = None) -> bytes:
    """Return one page of images with its links, as JSON.

    :param largest: the largest page of the region, if it is smaller than usual.
    :raises kingbird.exception.ImageRequestRejected: 400 or 403, for the marker or the caller.
    """
    if not {"admin", "reader"} & {*caller.roles}:
        raise refuse(403, "You are not authorized to complete get_images action.")
    limit = min(listing.limit, largest or listing.limit)
    marker = None
    if listing.marker is not None:
        marker = _marker(caller, store, listing.marker)
    found = list(islice(_found(caller, store, listing, marker), limit))
    last = found[-1].id if found and len(found) == limit else None
    images = b", ".join([record.body for record in found])
    return b"".join((b'{"images": [', images, b"], ", _links(listing.query, last), b"}"))


def _found(
    caller: Caller, store: Store, listing: Listing, marker: Record | None
) -> Iterator[Record]:
    in_order = listing.by_id and listing.ids is None
    if in_order:
        candidates = store.by_id(marker.id if marker else None)
    else:
        candidates = store.those(store.ids if listing.ids is None else listing.ids)
    # filter() is faster than a loop, and a list may examine each image of a large region.
    for test in listing.tests:
        candidates = filter(test, candidates)
    sees = rules.eyes(
        caller,
        store.shares,
        visibility=listing.visibility,
        member_status=listing.member_status,
        hidden=listing.hidden,
    )
    found = filter(sees, candidates)
    if in_order:
        return found
    if listing.by_id:
        after = marker.id if marker else ""
        return iter(sorted((r for r in found if r.id > after), key=lambda record: record.id))
    # Glance lists the newest image first by default.
    ordered = sorted(found, key=_age, reverse=True)
    return iter(ordered) if marker is None else (r for r in ordered if _age(r) < _age(marker))


def _age(record: Record) -> tuple[str, str]:
    return record.created, record.id


def _marker(caller: Caller, store: Store, marker: str) -> Record:
    # An admin may use a deleted image as a marker, and sees it nowhere else.
    record = store.get(marker) or (store.deleted(marker) if caller.is_admin else None)
    if record is None:
        raise refuse(400, f"No image found with ID {marker}")
    if not rules.sees(caller, record, store.shares):
        raise refuse(403, f"Forbidding request, image {marker} not visible")
    return record


def _links(query: str, last: str | None) -> bytes:
    # If a parameter such as a tag is repeated, Glance keeps the last one.
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    parameters.pop("marker", None)
    links = {"first": "/v2/images", "schema": "/v2/schemas/images"}
    if parameters:
        links["first"] += f"?{urlencode(parameters)}"
    if last is not None:
        links["next"] = f"/v2/images?{urlencode({**parameters, 'marker': last})}"
    return json.dumps(links)[1:-1].encode()


def _check(value: str, known: Iterable[str], what: str) -> None:
    if value not in known:
        raise refuse(400, f"Invalid {what}: {value}")


def _limit(value: str) -> int:
    if not value.removeprefix("-").isdecimal():
        raise refuse(400, "limit param must be an integer")
    if value.startswith("-"):
        raise refuse(400, "limit param must be positive")
    return int(value)


def _by_id(key: str, direction: str) -> bool:
    if key and key not in _SORT_KEYS:
        known = ", ".join(_SORT_KEYS)
        raise refuse(400, f"Invalid sort key: {key}. It must be one of the following: {known}.")
    if direction not in ("asc", "desc", ""):
        raise refuse(400, f"Invalid sort direction: {direction}")
    if (key, direction) not in (("id", "asc"), ("", ""), ("", "desc"), ("created_at", "desc")):
        raise AssertionError(f"The double does not sort by {key} {direction}")
    return key == "id"


def _boolean(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise refuse(
            400,
            f"Invalid value '{value}' for '{name}' filter. Valid values are 'true' or 'false'.",
        )
    return value == "true"


def _add_filter(listing: Listing, name: str, value: str) -> None:
    if name == "id":
        listing.ids = frozenset(_values(value))
    elif name == "owner":
        listing.tests.append(lambda record: record.owner == value)
    elif name == "name":
        wanted = frozenset(_values(value))
        listing.tests.append(lambda record: record.name in wanted)
    elif name in _WITH_OPERATOR:
        fields = [as_field(name, each) for each in _values(value)]
        listing.tests.append(lambda record: any(map(record.holds, fields)))
    elif name in _TIMES:
        listing.tests.append(_time(name, value))
    elif name.endswith(("_min", "_max")):
        listing.tests.append(_range(name, value))
    elif name in _STUMBLES:
        raise _stumbles()
    elif name in _FINDS_NOTHING:
        listing.tests.append(lambda _: False)
    elif name == "protected":
        listing.tests.append(_equals(name, _boolean(name, value)))
    elif name in _NUMBERS:
        listing.tests.append(_equals(name, int(value) if value.isdecimal() else value))
    else:
        listing.tests.append(_equals(name, value))


def _equals(name: str, value: str | int) -> Test:
    wanted = as_field(name, value)
    return lambda record: record.holds(wanted)


def _tag(tag: str) -> Test:
    # Parse only records that contain the word at all.
    word = json.dumps(tag, ensure_ascii=False).encode()
    return lambda record: word in record.body and tag in record.image["tags"]


def _values(expression: str) -> list[str]:
    operator, colon, rest = expression.partition(":")
    if not colon or operator == "eq":
        return [rest if colon else expression]
    if operator != "in":
        raise refuse(400, f"Unable to filter by unknown operator '{operator}'.")
    return list(_split(rest))


def _split(text: str) -> Iterator[str]:
    """Split a text at commas outside of quotation marks."""
    if '"' not in text:
        yield from text.split(",")
        return
    quoted, part = False, ""
    for before, character in zip(f",{text}", text, strict=False):
        if character == '"' and before != "\\":
            if not quoted and before != ",":
                raise refuse(
                    400,
                    f"Invalid filter value {text}. There is no comma before opening quotation "
                    "mark.",
                )
            quoted = not quoted
        elif character == "," and not quoted:
            yield part
            part = ""
        else:
            part += character
    yield part


def _time(name: str, value: str) -> Test:
    operator, _, text = value.partition(":")
    if (moment := _moment(value)) is not None:
        operator = "eq"
    elif (moment := _moment(text)) is None:
        raise refuse(400, f'Bad "{name}" query filter format. Use ISO 8601 DateTime notation.')
    if operator not in _COMPARISONS:
        raise refuse(400, "Unable to filter on a unknown operator.")
    compare = _COMPARISONS[operator]
    if name == "created_at":
        return lambda record: compare(record.created, moment)
    return lambda record: compare(record.updated, moment)


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError:
        return None
    return precise(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _range(name: str, value: str) -> Test:
    attribute = name[:-4]
    if not value.removeprefix("-").isdecimal():
        raise refuse(400, "Unable to filter on a range with a non-numeric value.")
    if attribute not in _NUMBERS:
        # A property may have this name, but no query can filter by it.
        raise _stumbles()
    bound, at_least = int(value), name.endswith("_min")

    def test(record: Record) -> bool:
        number = record.image[attribute]
        return number is not None and (number >= bound if at_least else number <= bound)

    return test


def _stumbles() -> exception.RegionUnavailable:
    return exception.RegionUnavailable("The server has either erred", 500)
