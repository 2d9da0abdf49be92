"""Glance's lists of images: their queries, and the parts of their answers.  Pure: no I/O."""

import re
from collections.abc import Iterable
from types import NoneType
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from kingbird import exception
from kingbird.text import CONTROL

Image = dict[str, Any]

#: Glance's own maximum of images in a page.
PAGE_SIZE = 1000
#: Bytes of a page of several images.  One image may be as large as any answer.
PAGE_BYTES = 4 << 20
#: The divisor of the number of images in a page that was too large.
SHRINK = 10
#: Seconds for the pages of one query.
LIST_TIMEOUT = 60.0
#: The maximum length of an id in Glance.
ID_LENGTH = 36
#: The number of ids in one ``id=in:`` query; the URL stays below 4 KiB.
IDS_PER_CALL = 100
#: The number of characters of the names in one query, escaped for the URL.
NAMES_LENGTH = 3500


class ShortenedPage(bytes):
    """A page whose long values are shortened already.

    :ivar size: the bytes of the answer.
    """

    size: int

    def __new__(cls, body: bytes, size: int) -> "ShortenedPage":
        page = super().__new__(cls, body)
        page.size = size
        return page


def size_of(page: bytes) -> int:
    """Return the bytes that a page had as an answer."""
    return page.size if isinstance(page, ShortenedPage) else len(page)


def list_query(
    *,
    hidden: bool = False,
    marker: str | None = None,
    filters: Iterable[tuple[str, str]] = (),
    limit: int = PAGE_SIZE,
) -> str:
    """Return the query that lists a region's images in the order of their ids.

    :param hidden: list hidden images, which Glance lists separately.
    :param marker: the id of the image before the page.
    :param limit: the largest number of images in the page.
    :param filters: further parameters.  A ``visibility`` replaces ``all``.
    """
    query: list[tuple[str, Any]] = [*filters]
    if not any(name == "visibility" for name, _ in query):
        query.append(("visibility", "all"))
    query += [
        ("member_status", "all"),
        ("sort_key", "id"),
        ("sort_dir", "asc"),
        ("limit", limit),
    ]
    if hidden:
        query.append(("os_hidden", "true"))
    if marker is not None:
        query.append(("marker", marker))
    return urlencode(query)


def name_filters(names: Iterable[str]) -> list[str]:
    """Return values of the filter ``name`` that together match the images of some names.

    A list of names is quoted.  A name that can't be quoted has a filter of its own, and one that a
    database might refuse has none.
    """
    alone, together = _names_by_filter(names)
    quoted = (",".join(f'"{name}"' for name in some) for some in together)
    return [*(f"eq:{name}" for name in alone), *(f"in:{some}" for some in quoted)]


def names_with_room(names: Iterable[str]) -> list[str]:
    """Return the names of the last value of :func:`name_filters`, if it has room for more."""
    _, together = _names_by_filter(names)
    return together[-1] if together and len(together[-1]) < IDS_PER_CALL else []


def _names_by_filter(names: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    """Return the names that have a filter of their own, and the others by their filter."""
    alone: list[str] = []
    together: list[list[str]] = []
    length = 0
    for name in names:
        if CONTROL.search(name):
            continue
        if '"' in name or name.endswith("\\"):
            alone.append(name)
            continue
        quoted = len(quote(f'"{name}",'))
        length += quoted
        if not together or length > NAMES_LENGTH or len(together[-1]) == IDS_PER_CALL:
            together.append([])
            length = quoted
        together[-1].append(name)
    return alone, together


def query_of(link: Any) -> str | None:
    """Return only the query of a link, so that a response cannot redirect calls to another host.

    :raises ValueError: the link is malformed.
    """
    if not isinstance(link, str) or not link:
        return None
    link.encode()
    return urlsplit(link).query


def marker_of(query: str | None) -> str | None:
    markers = parse_qs(query or "").get("marker")
    return markers[-1] if markers else None


#: The form of Glance's ids.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)


def is_id(text: Any) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def with_ids(images: Iterable[Image]) -> list[Image]:
    """Return the images whose id is a UUID, as Glance's ids are.

    Images with other ids cannot be requested, created elsewhere or stored.
    """
    return [image for image in images if is_id(image["id"])]


def path_of(*names: str) -> str:
    """Return the path of an image or a part of it; see :func:`path_below`."""
    return path_below("/v2/images", *names)


def path_below(root: str, *names: str) -> str:
    """Return the path of a resource or a part of it.

    :raises kingbird.exception.ImageRequestRejected: 404, because a name would change the path.
    """
    if any(name in ("", ".", "..") for name in names):
        raise exception.ImageRequestRejected("There is nothing of that name", 404)
    return "/".join((root, *(quote(one, safe="", errors="replace") for one in names)))


_TEXT = (str, NoneType)
_NUMBER = (int, NoneType)
_TAG = frozenset({str})


def is_image(image: Any) -> bool:
    """Return True if a part of a response has the fields that Kingbird relies on.

    Fields that are hashed or sorted are checked.  Other fields are only copied and compared.
    There is no loop, because this is called for each image of a region.
    """
    if type(image) is not dict:
        return False
    get = image.get
    image_id, tags = get("id"), get("tags")
    return bool(
        type(image_id) is str
        and 0 < len(image_id) <= ID_LENGTH
        and type(get("status")) in _TEXT
        and type(get("owner")) in _TEXT
        and type(get("created_at")) in _TEXT
        and type(get("updated_at")) in _TEXT
        and type(get("checksum")) in _TEXT
        and type(get("os_hash_algo")) in _TEXT
        and type(get("os_hash_value")) in _TEXT
        and type(get("size")) in _NUMBER
        and (not tags or (type(tags) is list and _TAG.issuperset(map(type, tags))))
    )
