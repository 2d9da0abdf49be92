"""The pages about the state of images."""

import copy
import csv
import io

import pytest

from kingbird_dashboard.content import buttons, cells, matrix, sentences, wanted
from kingbird_dashboard.content.image_sync.states import _harmless
from kingbird_dashboard.test.unit.case import ADMIN, READER, PageCase, example, url

IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"
JOB = "dddddddd-0000-4000-8000-000000000010"
NO_JOBS: dict[str, list[str]] = {"job_set": [], "links": []}


class StateTest(PageCase):
    def setUp(self):
        super().setUp()
        self.state = example("list-state")
        self.answer("GET", "os-sync-state", self.state)
        self.answer("GET", "os-sync/detail", NO_JOBS)
        self.answer("GET", "os-sync-rules", {"rules": [], "links": []})

    def test_the_matrix(self):
        page = self.client.get(url("index"))
        (row,) = page.context["seen"].rows
        kinds = {region: cell.kind for region, cell in row.cells}
        assert kinds == {"RegionOne": "source", "RegionTwo": "drift", "RegionThree": "missing"}
        numbers = {tile.word: tile.number for tile in page.context["seen"].tiles}
        assert numbers == {
            "same": "4",
            "differs": "1",
            "drift": "1",
            "conflict": "0",
            "no_data": "0",
        }
        self.assertContains(page, f'value="{IMAGE}|RegionTwo"')
        asked = self.asked("GET", "os-sync-state")[0]
        assert asked.qs == {"sort": ["since"], "limit": ["50"]}

    def test_the_oldest_difference_is_asked_for_where_the_page_does_not_tell(self):
        figures = self.state["regions"]["RegionTwo"]
        figures["drift"] = 1
        self.client.get(url("index"))
        assert len(self.asked("GET", "os-sync-state")) == 1
        # Others may be older than the one that is shown, if more follow.
        cells_shown = self.state["images"][0]["cells"]
        cells_shown["RegionTwo"]["since"] = "2026-11-24T00:00:00"
        cells_shown["RegionThree"]["since"] = "2026-11-22T00:00:00"
        self.state["links"] = [{"rel": "next", "href": "http://kingbird.test/x"}]
        self.client.get(url("index"))
        asked = [one.qs.get("state") for one in self.asked("GET", "os-sync-state")]
        assert asked.count(["drift"]) == 1
        # Nor does a page tell that is filtered.
        self.client.get(url("index"), {"q": "one"})
        asked = [one.qs.get("state") for one in self.asked("GET", "os-sync-state")]
        assert asked.count(["drift"]) == 2

    def test_a_cell(self):
        page = self.client.get(url("index"), {"cell": f"{IMAGE}|RegionTwo"})
        cell = page.context["cell"]
        assert cell["fields"] == [("name", "one", "uno")]
        assert cell["job"] == JOB
        assert [action.word for action in cell["actions"]] == ["update"]
        self.assertContains(page, "differs from the one in RegionOne")

    def test_a_reader_has_no_buttons(self):
        self._setup_user(roles=READER)
        page = self.client.get(url("index"), {"cell": f"{IMAGE}|RegionTwo"})
        self.assertContains(page, "differs from the one in RegionOne")
        self.assertNotContains(page, url("preview_cell"))
        self.assertNotContains(page, url("order"))

    def test_a_hostile_name_is_a_text(self):
        for name in ("<img src=x>", "{$constructor.constructor('alert(2)')()$}", "a\u202eb"):
            self.state["images"][0]["name"] = name
            text = self.client.get(url("index")).content.decode()
            table = text[text.index('id="kingbird"') :]
            assert not {"<img", "{$", "\u202e"} & {part for part in (name,) if part in table}

    def test_a_hostile_name_of_a_field_is_a_text_in_its_cell(self):
        for name in ('"><img src=x>', "{$constructor.constructor('alert(2)')()$}", "a\u202eb"):
            self.state["images"][0]["cells"]["RegionTwo"]["fields"] = {name: {}}
            ((_row, found),) = buttons.of_rows(self.client.get(url("index")).context["seen"].rows)
            assert "kb-drift" in found
            assert name not in found

    def test_what_a_job_works_on(self):
        detail = example("list-jobs-detail")["job_set"][0]
        open_job = {**detail, "sync_status": "IN_PROGRESS", "phase": "writing", "dry_run": False}
        self.answer("GET", "os-sync/detail", {"job_set": [open_job], "links": []})
        items = example("show-job")
        self.answer("GET", f"os-sync/{open_job['id']}", items)
        page = self.client.get(url("index"))
        (row,) = page.context["seen"].rows
        assert dict(row.cells)["RegionTwo"].word == "writing"
        assert page.context["seconds"] == 2
        # A namespace may have the name of an image.
        for item in items["job_set"]:
            item["resource_type"] = "metadef"
        (row,) = self.client.get(url("index")).context["seen"].rows
        assert dict(row.cells)["RegionTwo"].kind == "drift"

    def test_an_id_in_upper_case_has_a_page(self):
        self.state["images"][0]["id"] = IMAGE.upper()
        self.assertContains(self.client.get(url("index")), url("image", IMAGE.upper()))

    def test_a_role_that_sees_no_jobs(self):
        self.refuse("GET", "os-sync/detail", 403, "No")
        page = self.client.get(url("index"))
        assert len(page.context["seen"].rows) == 1

    def test_a_live_matrix(self):
        first = self.client.get(url("live_state"))
        assert first.json()["cells"][f"{IMAGE}|RegionTwo"]["kind"] == "drift"
        again = self.client.get(url("live_state"), HTTP_IF_NONE_MATCH=first["ETag"])
        assert again.status_code == 304
        self.state["images"][0]["cells"].pop("RegionTwo")
        changed = self.client.get(url("live_state"), HTTP_IF_NONE_MATCH=first["ETag"])
        assert changed.json()["cells"][f"{IMAGE}|RegionTwo"]["kind"] == "same"

    def test_an_admin_sees_every_project(self):
        self._setup_user(roles=ADMIN)
        page = self.client.get(url("index", dashboard="admin"))
        assert {tuple(one.qs["all_projects"]) for one in self.asked("GET", "os-sync-state")} == {
            ("true",)
        }
        self.assertNotContains(page, url("order"))

    def test_the_next_page(self):
        self.state["links"] = [{"rel": "next", "href": "http://kingbird.test/x"}]
        page = self.client.get(url("index"), {"state": "drift"})
        assert page.context["next_query"] == f"state=drift&marker={IMAGE}"

    def test_one_image_now(self):
        self.answer("GET", f"os-sync-state/{IMAGE}", example("show-state"))
        page = self.client.get(url("image", IMAGE))
        assert [one["region"] for one in page.context["regions"]] == [
            "RegionOne",
            "RegionThree",
            "RegionTwo",
        ]
        self.assertContains(page, "is not in RegionThree")

    def test_an_image_that_is_nowhere(self):
        self.refuse("GET", f"os-sync-state/{IMAGE}", 404, "There is no image of the project")
        self.assertContains(self.client.get(url("image", IMAGE)), "There is no image")

    def test_an_id_leads_to_the_image(self):
        found = self.client.get(url("find"), {"q": IMAGE.replace("-", "").upper()})
        self.assertRedirects(found, url("image", IMAGE), fetch_redirect_response=False)
        found = self.client.get(url("find"), {"q": "one"})
        assert found["Location"] == f"{url('index')}?q=one"

    def test_a_preview_of_a_cell(self):
        self.answer("POST", "os-sync", {"job_status": {"id": JOB}})
        given = {"what": "update", "image": IMAGE, "source": "RegionOne", "region": "RegionTwo"}
        answer = self.client.post(url("preview_cell"), given)
        self.assertRedirects(answer, url("job", JOB), fetch_redirect_response=False)
        assert self.kingbird.last_request.json()["resource_set"] == {
            "resource_type": "image",
            "resources": [IMAGE],
            "source": "RegionOne",
            "target": ["RegionTwo"],
            "dry_run": True,
            "on_drift": "update",
        }

    def test_a_cell_that_no_page_sends(self):
        for given in ({}, {"what": "delete", "image": IMAGE, "region": "RegionTwo"}):
            answer = self.client.post(url("preview_cell"), given)
            self.assertRedirects(answer, url("index"), fetch_redirect_response=False)
        assert self.asked("POST", "os-sync") == []

    def test_bring_in_order(self):
        self.answer("POST", "os-sync", {"job_status": {"id": JOB}})
        self.client.post(url("preview_order"), {"update": "on"})
        sent = self.kingbird.last_request.json()["resource_set"]
        assert sent["target"] == ["RegionThree", "RegionTwo"]
        assert (sent["on_drift"], sent["dry_run"]) == ("update", True)
        self.client.post(url("preview_order"))
        sent = self.kingbird.last_request.json()["resource_set"]
        assert sent["target"] == ["RegionThree"]
        assert "on_drift" not in sent

    def test_a_file(self):
        self.state["images"][0]["name"] = "=1+1"
        found = self.client.get(url("file"))
        lines = list(csv.DictReader(io.StringIO(found.content.decode())))
        assert [line["state"] for line in lines] == ["missing", "drift"]
        assert lines[1]["name"] == "'=1+1"
        assert lines[1]["fields"] == "name"


class AdminTest(PageCase):
    def setUp(self):
        super().setUp()
        self._setup_user(roles=ADMIN)
        self.answer("GET", "os-sync-engines", example("list-engines"))

    def test_engines(self):
        page = self.client.get(url("engines", dashboard="admin"))
        self.assertContains(page, "node1:4711")
        self.assertContains(page, "not connected")

    def test_regions(self):
        self.answer("GET", "os-sync-state", example("list-state"))
        page = self.client.get(url("regions", dashboard="admin"))
        assert [one["name"] for one in page.context["regions"]] == [
            "RegionOne",
            "RegionThree",
            "RegionTwo",
        ]


@pytest.mark.parametrize(
    ("state", "reason", "kind"),
    [
        ("same", None, "same"),
        ("no_data", "no_data", "no_data"),
        ("missing", "missing", "missing"),
        ("missing", "id_taken", "conflict"),
        ("missing", "deleted_in_target", "conflict"),
        ("drift", "drift", "drift"),
        ("conflict", "owner_conflict", "conflict"),
        ("orphan", None, "conflict"),
        ("importing", None, "busy"),
        ("away", None, "away"),
        ("unknown", None, "away"),
    ],
)
def test_cells_of_states(state, reason, kind):
    found = cells.of_state({"state": state, "reason": reason, "fields": {}, "since": None})
    assert found.kind == kind
    assert found.symbol
    assert found.label
    assert sentences.explain(state, reason, "RegionTwo", "RegionOne").count("RegionTwo") == 1


def figures(**changes):
    nothing = dict.fromkeys(
        ("no_data", "missing", "drift", "conflict", "orphan", "away", "importing"), 0
    )
    times = {"oldest": None, "compared_at": "2026-11-22T12:00:00", "away_since": None}
    return {"images": 4380, "same": 4380, "mostly": None, **nothing, **times, **changes}


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({}, "4,380 of 4,380"),
        ({"same": 4379, "missing": 1}, "4,379 · 1 missing"),
        ({"same": 4371, "drift": 6, "conflict": 3}, "4,371 · 6 drift · 3 conflicts"),
        ({"same": 4379, "conflict": 1}, "4,379 · 1 conflict"),
        ({"images": None, "same": None, "compared_at": None}, "not compared yet"),
    ],
)
def test_heads(changes, summary):
    head = matrix.region_head("RegionTwo", figures(**changes))
    assert head.summary == summary
    assert sum(part.percent for part in head.parts) == pytest.approx(100 if head.parts else 0)


def test_a_region_that_is_away():
    head = matrix.region_head("RegionTwo", figures(away_since="2026-11-22T14:00:00"))
    assert head.is_away
    assert head.summary.endswith("as of 12:00")


@pytest.mark.parametrize(
    ("found", "changes", "kind"),
    [
        ({}, {}, "same"),
        ({}, {"compared_at": None}, "unseen"),
        ({}, {"mostly": "missing"}, "missing"),
        ({}, {"away_since": "2026-11-22T14:00:00"}, "away"),
        ({"state": "drift", "fields": {"a": {}}}, {"away_since": "2026-11-22T14:00:00"}, "drift"),
    ],
)
def test_a_cell_without_a_row(found, changes, kind):
    image = {
        "id": IMAGE,
        "name": "one",
        "owner": "",
        "source_region": "RegionOne",
        "cells": {"RegionTwo": found} if found else {},
    }
    row = matrix.image_row(image, ["RegionTwo"], {"RegionTwo": figures(**changes)}, {})
    assert row.cells[0][1].kind == kind


@pytest.mark.parametrize(
    ("regions", "rows"), [(1, 50), (3, 50), (100, 50), (500, 20), (20_000, 1)]
)
def test_a_page_has_a_bounded_number_of_cells(regions, rows):
    assert matrix.rows_of_page(regions) == rows


def test_images_with_the_same_wish_are_one_set():
    (one,) = copy.deepcopy(example("list-state")["images"])
    other = {**copy.deepcopy(one), "id": "aaaaaaaa-0000-4000-8000-000000000002"}
    (wish,) = wanted.to_bring_in_order([one, other], update=False, with_data=False)
    assert wish["resources"] == [one["id"], other["id"]]
    assert wanted.to_bring_in_order([], update=True, with_data=True) == []


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x"])
def test_no_spreadsheet_takes_a_name_for_a_formula(text):
    assert _harmless(text) == f"'{text}"
    assert _harmless(f"a{text}") == f"a{text}"
