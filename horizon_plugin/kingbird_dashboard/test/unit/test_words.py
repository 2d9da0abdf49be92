"""Names, ages and filters, without any page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.template import engines

from kingbird_dashboard.content import ages
from kingbird_dashboard.content.filters import Filters
from kingbird_dashboard.content.names import visible

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("debian-13", "debian-13"),
        ("größe 7 ✓", "größe 7 ✓"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\u200bb", "a[U+200B]b"),
        ("a\nb\x00", "a␊b␀"),
        ("\x7f", "[U+007F]"),
        ("", ""),
        (None, ""),
    ],
)
def test_each_character_of_a_name_is_seen(name, shown):
    assert visible(name) == shown


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "{$constructor.constructor('alert(2)')()$}", '">']
)
def test_a_template_escapes_what_the_filter_returns(name):
    text = "{% load kingbird %}{{ name|visible }}"
    shown = engines["django"].from_string(text).render({"name": name})
    assert not {"<", ">", '"'} & set(shown)
    # Horizon takes the braces of AngularJS out of all that Django escapes.
    assert "{$" not in shown


@pytest.mark.parametrize(
    ("age", "short", "long"),
    [
        (timedelta(seconds=20), "20 s", "20 s"),
        (timedelta(seconds=59.9), "59 s", "59 s"),
        (timedelta(minutes=12), "12 min", "12 min"),
        (timedelta(hours=23), "23 h", "23 h"),
        (timedelta(days=1), "1 d", "1 day"),
        (timedelta(days=3), "3 d", "3 days"),
        (timedelta(minutes=-4), "4 min", "4 min"),
    ],
)
def test_ages(age, short, long):
    text = (NOW - age).replace(tzinfo=None).isoformat(timespec="microseconds")
    assert ages.since(text, NOW) == short
    assert ages.long(ages.seconds_since(text, NOW)) == long


@pytest.mark.parametrize("text", [None, "", "None"])
def test_no_time_has_no_age(text):
    assert ages.since(text, NOW) == ""
    assert ages.between(text, text) == ""


def test_filters_are_what_the_url_says():
    filters = Filters.read(
        QueryDict(
            f"q=+web+&region=RegionTwo&state=conflict&sort=name&marker={IMAGE}"
            f"&cell={IMAGE}|RegionTwo"
        )
    )
    assert filters == Filters(
        "web", ("RegionTwo",), "conflict", "name", IMAGE, (IMAGE, "RegionTwo")
    )
    assert filters.for_call() == {
        "name": "web",
        "region": ["RegionTwo"],
        "state": ["conflict", "orphan"],
        "sort": "name",
        "marker": IMAGE,
    }
    assert filters.url_query(state="") == "q=web&region=RegionTwo&sort=name"
    assert filters.url_query(marker=IMAGE).endswith(f"marker={IMAGE}")


@pytest.mark.parametrize(
    "query", ["state=nonsense", "sort=owner", "marker=1;drop", "cell=x|y", f"cell={IMAGE}", "x=1"]
)
def test_what_no_page_sends_is_no_filter(query):
    assert Filters.read(QueryDict(query)) == Filters()


def test_a_name_is_no_longer_than_glance_takes():
    assert len(Filters.read(QueryDict("q=" + "a" * 1000)).text) == 255
