"""The stored state of a project, and one image as each region holds it now."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kingbird.osc import state_cells
from kingbird.osc.differences import DifferencesColumn, describe
from kingbird.osc.durations import age
from kingbird.osc.state_cells import StateCell
from kingbird.states import CopyState
from kingbird.tests.api import store
from kingbird.tests.api.world import IMAGE, OTHER_PROJECT, PRIVATE
from kingbird.tests.unit.osc.cloud import OTHER_NAME, Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
#: Figures of a region that was compared, and of one that was not.
SEEN = {"compared_at": "2026-11-27T05:00:00", "away_since": None, "mostly": None}
UNSEEN = {**SEEN, "compared_at": None}


def image(**cells: Any) -> dict[str, Any]:
    """Return an image of the list."""
    return {"id": "i", "name": "n", "source_region": "R1", "cells": cells}


@pytest.mark.parametrize(
    ("figures", "symbol"),
    [
        (SEEN, "="),
        (UNSEEN, ""),
        (None, ""),
        ({**SEEN, "away_since": "2026-11-27T05:00:00"}, ""),
        ({**SEEN, "mostly": "missing"}, ""),
    ],
)
def test_a_cell_without_a_state_is_in_order_only_if_that_is_known(
    figures: Any, symbol: str
) -> None:
    assert state_cells.cell(image(), "R2", figures).human_readable() == symbol
    # The others are compared with this region.
    assert state_cells.cell(image(), "R1", figures).human_readable() == "="


def test_each_state_has_a_symbol_of_its_own() -> None:
    states = [state for state in state_cells.SYMBOLS if state != "unknown"]
    assert {*states} == {"same", *map(str, CopyState)}
    symbols = {state_cells.SYMBOLS[state] for state in states}
    assert len(symbols) == len(states)
    assert all(f"{symbol} " in state_cells.LEGEND for symbol in symbols)
    cell = StateCell({"state": "drift", "since": "2026-11-25T00:00:00.000000"})
    assert cell.human_readable().startswith("~ ")
    assert cell.machine_readable() == {"state": "drift", "since": "2026-11-25T00:00:00.000000"}


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-11-27T05:59:48.500000", "11s"),
        ("2026-11-27T05:58:59", "1m"),
        ("2026-11-27T04:59:00", "1h"),
        ("2026-11-20T06:00:00", "7d"),
        ("2026-11-27T06:00:02", "0s"),
        (None, ""),
    ],
)
def test_ages(time: str | None, text: str) -> None:
    assert age(time, NOW) == text


def test_both_values_of_each_field() -> None:
    fields: dict[str, dict[str, str | None]] = {
        "name": {"source": 'a "b"', "target": "c"},
        "min_ram": {"source": None, "target": "1"},
    }
    assert describe(fields) == 'min_ram: (none) -> "1", name: "a \\"b\\"" -> "c"'
    assert describe(None) == ""
    assert DifferencesColumn(fields).machine_readable() == fields


def test_regions_that_nothing_is_known_about() -> None:
    away = {**SEEN, "away_since": "2026-11-27T05:00:00"}
    regions = {"R1": UNSEEN, "R2": SEEN, "R3": away}
    assert state_cells.unseen(regions, []) == ["R3"]
    assert state_cells.unseen({"R1": UNSEEN, "R2": SEEN}, []) == []
    assert state_cells.unseen({"R1": UNSEEN}, []) == ["R1"]
    assert state_cells.unseen(regions, ["R1", "R2", "R9"]) == ["R1", "R9"]


def test_what_counts_as_in_order() -> None:
    regions = {"R1": SEEN, "R2": {**SEEN, "mostly": "missing"}}
    assert not state_cells.is_in_order(regions, [], [])
    assert not state_cells.is_in_order(regions, ["R2"], ["missing"])
    assert state_cells.is_in_order(regions, ["R1"], [])
    assert state_cells.is_in_order(regions, [], ["drift"])


def test_the_matrix_of_the_store(osc: Osc) -> None:
    store.states()
    (row,) = osc("state", "--long", *JSON).json
    assert (row["ID"], row["Name"]) == (IMAGE, "one")
    assert row["Since"] == "2026-11-27T04:30:00.000000"
    assert row["RegionOne"] == {"state": "same"}
    assert row["RegionTwo"]["state"] == "drift"
    assert row["RegionTwo"]["fields"] == {"name": {"source": "one", "target": "uno"}}
    assert row["Reasons"] == {
        "RegionThree": "missing",
        "RegionTwo": 'drift: Differs from the image in RegionOne in: name; name: "one" -> "uno"',
    }
    shown = osc("state").out
    assert "| = " in shown
    assert "| ~ " in shown
    assert "| + " in shown
    assert state_cells.LEGEND in shown
    assert "RegionTwo: 4 of 5 in order, 1 drift, the oldest for " in shown
    assert "RegionThree: 1 missing, nearly all missing, which have no row" in shown
    assert "RegionOne: never compared" in shown


def test_the_options_select_and_sort(osc: Osc, cloud: Cloud) -> None:
    store.states()
    assert osc("state", "--region", "RegionOne", *JSON).json == []
    assert osc("state", "--state", "NO_DATA", *JSON).json == []
    assert osc("state", "--name", "two", *JSON).json == []
    assert osc("state", "--older-than", "5200w", *JSON).json == []
    words = ("--region", "RegionTwo", "--region", "RegionOne", "--state", "drift", "--name", "one")
    (row,) = osc("state", *words, "--older-than", "1s", "--sort", "name", *JSON).json
    assert row["ID"] == IMAGE
    assert "sort=name" in cloud.calls[-1][1]
    everybody = osc("state", "--all-projects", *JSON, user="admin").json
    assert [each["ID"] for each in everybody] == [PRIVATE, IMAGE]
    assert everybody[0]["Project"] == OTHER_PROJECT
    owned = ("state", "--all-projects", "--owner", OTHER_NAME)
    (row,) = osc(*owned, *JSON, user="admin").json
    assert row["ID"] == PRIVATE


def test_pages_of_the_store(osc: Osc, cloud: Cloud) -> None:
    store.states()
    words = ("state", "--all-projects")
    first = osc(*words, "--limit", "1", *JSON, user="admin")
    assert ([row["ID"] for row in first.json], "--all" in first.err) == ([PRIVATE], False)
    (row,) = osc(*words, "--marker", PRIVATE, *JSON, user="admin").json
    assert row["ID"] == IMAGE
    cloud.world.conf.set_override("max_limit", 1, group="api")
    some = osc(*words, *JSON, user="admin")
    assert (len(some.json), "--all" in some.err) == (1, True)
    rows = osc(*words, "--all", *JSON, user="admin").json
    assert [row["ID"] for row in rows] == [PRIVATE, IMAGE]


def test_the_figures_of_the_regions(osc: Osc) -> None:
    store.states()
    rows = {row["Region"]: row for row in osc("state", "--summary", *JSON).json}
    assert list(rows) == ["RegionOne", "RegionThree", "RegionTwo"]
    assert (rows["RegionTwo"]["Images"], rows["RegionTwo"]["In Order"]) == (5, 4)
    assert (rows["RegionTwo"]["Drift"], rows["RegionThree"]["Mostly"]) == (1, "missing")
    (row,) = osc("state", "--summary", "--region", "RegionTwo", *JSON).json
    assert row["Oldest"] == "2026-11-27T04:30:00.000000"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 5),
        (("--region", "RegionTwo"), 5),
        (("--region", "RegionTwo", "--state", "missing"), 0),
        (("--region", "RegionThree", "--state", "no_data"), 0),
        # It has no row, but nearly all of its images are missing.
        (("--region", "RegionThree", "--name", "two"), 5),
        (("--region", "RegionOne"), 2),
        (("--region", "Nowhere"), 2),
    ],
)
def test_the_exit_code_of_the_state(osc: Osc, words: tuple[str, ...], code: int) -> None:
    store.states()
    assert osc("state", *words, "--exit-code", *JSON).code == code
    assert osc("state", *words, *JSON).code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["state", "--limit", "0"], "--limit"),
        (["state", "--limit", "1", "--all"], "--all"),
        (["state", "--older-than", "soon"], "--older-than"),
        (["state", "--sort", "age"], "--sort"),
        (["state", "--state", "green"], "state"),
        (["state", "--owner", OTHER_PROJECT], "--all-projects"),
        (["state", "--all-projects"], "HTTP 403"),
        (["image", "show", "nothing"], "No image is named nothing"),
        (["image", "show", "eeeeeeee-0000-4000-8000-000000000001"], "HTTP 404"),
    ],
)
def test_wrong_use_of_the_state(osc: Osc, words: list[str], message: str) -> None:
    done = osc(*words)
    assert (done.code, message in done.err, done.out) == (1, True, "")


def test_one_image_in_each_region(osc: Osc, cloud: Cloud) -> None:
    cloud.add_image("RegionOne", "dddddddd-0000-4000-8000-000000000001", "web")
    cloud.add_image("RegionTwo", "dddddddd-0000-4000-8000-000000000001", "wob")
    rows = {row["Region"]: row for row in osc("image", "show", "web", "--long", *JSON).json}
    assert list(rows) == ["RegionOne", "RegionThree", "RegionTwo"]
    assert [row["Sign"] for row in rows.values()] == ["=", "+", "~"]
    assert rows["RegionTwo"]["Differences"]["name"] == {"source": "web", "target": "wob"}
    assert rows["RegionTwo"]["ID"] == "dddddddd-0000-4000-8000-000000000001"
    assert rows["RegionThree"]["Reason"] == "missing"
    shown = osc("image", "show", "web", "--exit-code")
    assert (shown.code, 'name: "web" -> "wob"' in shown.out) == (5, True)
    assert "web of project a1111111222233334444555555555555, compared with RegionOne" in shown.out
    assert osc("image", "show", "web").code == 0


def test_a_region_that_does_not_answer_is_unknown(osc: Osc, cloud: Cloud) -> None:
    cloud.instead.append(
        (
            "200 OK",
            [("Content-Type", "application/json")],
            b'{"image": {"id": "i", "name": "", "owner": "o", "source_region": "RegionOne",'
            b' "compared_at": "2026-11-27T05:00:00.000000", "cells": {"RegionOne": {"state":'
            b' "unknown", "reason": null, "message": "It is away", "fields": {}, "since": null,'
            b' "job": null, "image_status": null, "id": null, "size": null, "hash": "unknown",'
            b' "provenance": null}}}}',
        )
    )
    done = osc("image", "show", IMAGE, "--exit-code")
    assert done.code == 2
    assert "| ?    | RegionOne | unknown " in done.out
    assert "It is away" in done.out
