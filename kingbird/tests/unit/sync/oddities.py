"""Regions that answer oddly, and what is said of each."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from kingbird.tests.doubles.glance import FakeGlance, refused, unavailable

Break = Callable[[FakeGlance], None]


def _status(status: int) -> Break:
    error = unavailable(status) if status >= 500 or status == 429 else refused(status)
    return lambda glance: glance.fail("*", error, times=None)


def _body(body: bytes) -> Break:
    def breaks(glance: FakeGlance) -> None:
        glance.handle = lambda *_: body  # type: ignore[method-assign]

    return breaks


def _image(**fields: object) -> Break:
    body = {"id": "f" * 8, "status": "active", "tags": [], "size": 1, **fields}
    return _body(json.dumps({"images": [body]}).encode())


def with_holes(glance: FakeGlance) -> None:
    """Let a policy take all images but the first one out of the pages of a walk."""
    handle = glance.handle
    glance.page_size = 1

    def leaves_out(caller, method, url, body):
        page = json.loads(handle(caller, method, url, body))
        query = parse_qs(urlsplit(url).query)
        if "next" in page and "marker" in query and "sort_key" in query:
            page["images"] = []
        return json.dumps(page).encode()

    glance.handle = leaves_out  # type: ignore[method-assign]


def mended(glance: FakeGlance) -> None:
    """Let a region answer as it should."""
    glance.heal()
    vars(glance).pop("handle", None)
    glance.page_size = None


def absent(glance: FakeGlance) -> None:
    """Stand for a region that the catalog has no more: it is left out by who opens regions."""


AWAY, HOLES = "region_unavailable", "listing_incomplete"
WRONG_ADDRESS, REFUSED = "endpoint_invalid", "listing_refused"

#: How a region is broken, and the reason that its items get.
PROBLEMS: dict[str, tuple[Break, str]] = {
    **{str(status): (_status(status), REFUSED) for status in (400, 406, 413)},
    "401": (_status(401), "credentials_rejected"),
    "403": (_status(403), "forbidden"),
    **{str(status): (_status(status), WRONG_ADDRESS) for status in (300, 302, 404, 405)},
    **{str(status): (_status(status), AWAY) for status in (429, 500, 501, 503)},
    "HTML": (_body(b"<p>Maintenance</p>"), AWAY),
    "nothing": (_body(b""), AWAY),
    "{}": (_body(b"{}"), AWAY),
    "versions": (_body(b'{"versions": [{"id": "v3"}]}'), WRONG_ADDRESS),
    "a version": (_body(b'{"version": {"id": "v3"}}'), WRONG_ADDRESS),
    "a list": (_body(b"[]"), AWAY),
    "too deep": (_body(b'{"images": [' * 100_000), AWAY),
    "links too deep": (_body(b'{"images": [], "a": ' + b'{"a": ' * 100_000), AWAY),
    "next is no link": (_body(b'{"images": [], "next": "http://[/?marker=a"}'), AWAY),
    "images are no list": (_body(b'{"images": {"id": "a"}}'), AWAY),
    "an image is a list": (_body(b'{"images": [["id"]]}'), AWAY),
    "no id": (_image(id=None), AWAY),
    "id is a number": (_image(id=5), AWAY),
    "id is empty": (_image(id=""), AWAY),
    "id is too long": (_image(id="f" * 37), AWAY),
    "tags are numbers": (_image(tags=[1, "a"]), AWAY),
    "tags are a word": (_image(tags="ab"), AWAY),
    "status is a list": (_image(status=["active"]), AWAY),
    "owner is a list": (_image(owner=["a"]), AWAY),
    "hash is a list": (_image(os_hash_value=["a"]), AWAY),
    "size is a list": (_image(size=[1]), AWAY),
    "time is a number": (_image(created_at=1), AWAY),
    "absent": (absent, AWAY),
    "with holes": (with_holes, HOLES),
}
