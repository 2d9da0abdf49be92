"""Long values are shortened as soon as a list is read, and stay comparable."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from kingbird.clients import long_values
from kingbird.clients.answer_room import SMALL
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import PAGE_SIZE, ShortenedPage, size_of
from kingbird.clients.long_values import LONGEST, is_shortened, length_of, shorten

IDS = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(3)]
LONG = "x" * 60_000
#: Texts with what looks like JSON to a reader in a hurry.
TEXTS = st.text(st.sampled_from('"\\ ,:{}[]x\nä\ud800'), max_size=5).flatmap(
    lambda part: st.integers(0, 3 * LONGEST).map(lambda n: (part * n)[: 3 * LONGEST])
)


@pytest.fixture
def images():
    url = "http://127.0.0.1:1"
    return ImageClient("R1", url, Session(), token_endpoint.Token(url, "token"))


def as_page(*found):
    page = {"images": found, "first": "/v2/images", "next": f"/v2/images?marker={IDS[2]}"}
    return json.dumps(page).encode()


def test_texts_that_differ_anywhere_stay_different():
    texts = ["x" * (LONGEST + 1), LONG, f"{LONG}x", f"{LONG}y", f"y{LONG}"]
    assert len({*map(shorten, texts)}) == len(texts)
    for text in texts:
        assert is_shortened(shorten(text))
        assert length_of(shorten(text)) == len(text)
        assert len(shorten(text)) < LONGEST + 100
    assert shorten("\ud800" * 2000) != shorten("\ud801" * 2000)


def test_what_is_not_shortened():
    for value in (None, 5, ["a" * 5000], "x" * LONGEST, LONG, f"{LONG} 60000 {'a' * 63}"):
        assert not is_shortened(value)
        assert length_of(value) == 0


def test_a_value_that_looks_shortened_is_shortened_too(images):
    """Nobody passes a short text off as a long one."""
    forged = shorten(LONG)
    (image,) = images.parse_page(as_page({"id": IDS[0], "p": forged}))
    assert image["p"] == shorten(forged) != forged


@given(st.lists(TEXTS, max_size=4), st.sampled_from([(", ", ": "), (",", ":")]), st.booleans())
def test_no_long_value_of_a_page_is_overlooked(values, separators, is_ascii):
    page = {"images": [{"id": IDS[0], **{f"p{n}": text for n, text in enumerate(values)}}]}
    body = json.dumps(page, separators=separators, ensure_ascii=is_ascii)
    is_long = any(len(text) > LONGEST for text in values)
    assert long_values.may_be_in(body.encode("utf-8", "surrogatepass")) or not is_long


def test_a_page_of_short_values_is_not_looked_at_closely():
    """The images of a page are looked at one by one only if they may have a long value."""
    images = [
        {"id": one, "name": "n" * 255, "os_hash_value": "f" * 128, "tags": ["t" * 255] * 50}
        for one in IDS * 100
    ]
    assert not long_values.may_be_in(as_page(*images))


def test_a_large_page_is_kept_without_its_long_values(images, monkeypatch):
    found = [{"id": one, **{f"p{n}": LONG for n in range(10)}, "short": "s"} for one in IDS]
    body = as_page(*found)
    monkeypatch.setattr(images, "_fetch", lambda *args, **kwargs: body)
    page = images.fetch_page("limit=10", limit=10)
    assert len(page) < 50_000 < SMALL < len(body) == size_of(page)
    assert images.parse_page(page) == images.parse_page(body)
    assert images.next_marker(page) == images.next_marker(body) == IDS[2]
    first = images.parse_page(page)[0]
    assert (first["p0"], first["short"]) == (shorten(LONG), "s")


@pytest.mark.parametrize("end", [b"", b']}, "next": 5', b'], "images": 5}'])
def test_a_large_page_that_is_none_stays_as_it_is(images, monkeypatch, end):
    body = as_page({"id": IDS[0], **{f"p{n}": LONG for n in range(10)}})[:-60] + end
    monkeypatch.setattr(images, "_fetch", lambda *args, **kwargs: body)
    assert images.fetch_page("limit=1", limit=1) is body


def test_a_page_of_a_thousand_images_is_parsed_later(images, monkeypatch):
    """It would be parsed twice."""
    body = as_page({"id": IDS[0], **{f"p{n}": LONG for n in range(10)}})
    monkeypatch.setattr(images, "_fetch", lambda *args, **kwargs: body)
    assert images.fetch_page("limit=1000", limit=PAGE_SIZE) is body
    assert isinstance(images.fetch_page("limit=100", limit=100), ShortenedPage)


def test_images_that_are_asked_for_by_id(images, monkeypatch):
    """A hundred of them would take 60 MB."""
    found = [{"id": one, **{f"p{n}": f"{n}{LONG}" for n in range(10)}} for one in IDS]
    bodies = [as_page(*found[:2]), as_page(found[2]).replace(b"next", b"last")]
    monkeypatch.setattr(images, "_fetch", lambda *args, **kwargs: bodies.pop(0))
    tracemalloc.start()
    listed = images.list_by_ids(IDS)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [image["id"] for image in listed] == IDS
    assert {image["p3"] for image in listed} == {shorten(f"3{LONG}")}
    assert held < 200_000
