"""The commands print no control character of others' text."""

from collections.abc import Callable
from typing import Any

import pytest
from osc_lib.cli import format_columns

from kingbird.osc.output import escaped
from kingbird.tests.api.world import IMAGE
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import dry, engine
from kingbird.text import CONTROL

#: Erases a line and moves the cursor, in seven and in eight bits; turns the direction; ends lines.
ODD = "a\x1b[2K\x1b[1A\x9b2J\u202e\r\x07\u2028b"
#: An image whose name is that.
ODD_IMAGE = "bbbbbbbb-0000-4000-8000-000000000009"


def is_clean(text: str) -> bool:
    return not CONTROL.search(text.replace("\n", "")) and not {"\u202e", "\u2028"} & {*text}


@pytest.mark.parametrize("kind", ["table", "value", "csv", "json", "yaml"])
def test_names_and_messages(osc: Callable[..., Any], cloud: Cloud, kind: str) -> None:
    cloud.add_image("RegionOne", ODD_IMAGE, ODD)
    items = (
        dry(ODD_IMAGE, "RegionTwo", "owner_conflict", message=ODD),
        dry("*", "RegionThree", "region_unavailable", status="FAILURE", message=ODD),
    )
    with engine(cloud, *items):
        done = osc("diff", "--all", "--long", "--keep", "-f", kind)
    assert ODD_IMAGE in done.out
    assert is_clean(done.out), ascii(done.out)
    if kind == "json":
        assert [row["Name"] for row in done.json] == [ODD], "programs read it as it is"
    else:
        assert r"\x1b[2K" in done.out


@pytest.mark.parametrize("words", [["create", ODD, "--target", "*"], ["show", ODD]])
def test_errors(osc: Callable[..., Any], words: list[str]) -> None:
    done = osc(*words)
    assert done.code == 1
    assert is_clean(done.err), ascii(done.err)


def test_the_lines_of_an_error_stay(osc: Callable[..., Any], cloud: Cloud) -> None:
    for number in (7, 8):
        cloud.add_image("RegionTwo", f"bbbbbbbb-0000-4000-8000-00000000000{number}", ODD)
    done = osc("create", ODD, "--target", "RegionThree")
    assert done.err.count("\n  bbbbbbbb-") == 2
    assert is_clean(done.err), ascii(done.err)


def test_an_answer_of_something_else(osc: Callable[..., Any], cloud: Cloud) -> None:
    body = b'{"error": {"message": "\\u001b[2K\\u009b2J"}}'
    cloud.instead.append(("400 Bad Request", [("Content-Type", "application/json")], body))
    done = osc("summary", IMAGE)
    assert done.code == 1
    assert r"\x1b[2K\x9b2J" in done.err


def test_every_text_of_a_cell_is_escaped() -> None:
    cell = escaped(format_columns.DictColumn({"\x1b": ["\x07", {"x": ("\x9b", 7, None)}]}))
    assert isinstance(cell, format_columns.DictColumn)
    assert cell.machine_readable() == {r"\x1b": [r"\x07", {"x": [r"\x9b", 7, None]}]}
