"""Text of strangers is cleaned, shortened and quoted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.sync.outcome import drift_message
from kingbird.text import CONTROL, MAX_QUOTED, clean, escape, join_some, quote, shorten

#: Any text, halves of surrogate pairs included.
ANY = st.text(st.characters(exclude_categories=()), max_size=60)
LIMITS = st.integers(3, 50)


@given(ANY, LIMITS)
def test_clean_text_is_one_bounded_line_that_can_be_encoded(text: str, limit: int) -> None:
    found = clean(text, limit)
    assert len(found) <= limit
    assert not CONTROL.search(found)
    assert len(found.splitlines()) <= 1
    assert found.encode().decode() == found


@given(ANY)
def test_quoted_text_is_short_ascii(text: str) -> None:
    found = quote(text)
    assert found.isascii()
    assert len(found) <= MAX_QUOTED
    if not found.endswith("..."):
        assert json.loads(found) == text


@given(ANY, LIMITS)
def test_text_that_is_short_enough_is_not_shortened(text: str, limit: int) -> None:
    found = shorten(text, limit)
    assert len(found) == min(len(text), limit)
    assert found == text or (found.endswith("...") and text.startswith(found[:-3]))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Ünïcode 日本 🐦 C:\\new", "Ünïcode 日本 🐦 C:\\new"),
        ("a\x1b[2K\x9b2Jb", r"a\x1b[2K\x9b2Jb"),
        ("a\r\nb\tc\u2028\u202ed\0", r"a\x0d\x0ab\x09c\u2028\u202ed\x00"),
        ("\ud83d\udc26".encode("utf-16", "surrogatepass").decode("utf-16"), "🐦"),
        ("x\ud83dy\udc26", r"x\ud83dy\udc26"),
    ],
)
def test_escaped_text(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert escape(text, kept="\n\t") == escaped.replace(r"\x0a", "\n").replace(r"\x09", "\t")


def test_a_list_names_the_first_and_counts_the_others() -> None:
    assert join_some(["a", "b\n"]) == "a, b"
    assert join_some(map(str, range(12)), 3) == "0, 1, 2 and 9 more"
    assert join_some(["x" * 300, "y"], width=10) == "xxxxxxx..., y"


def test_a_message_about_hundreds_of_wide_names_is_short() -> None:
    names = tuple(f"{number:03}{'宽' * 252}" for number in range(120))
    message = drift_message(names, source="RegionOne")
    assert len(message) < 4000
    assert message.endswith(" and 80 more")
