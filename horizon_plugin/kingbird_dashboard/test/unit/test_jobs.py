"""The pages about jobs."""

import pytest

from kingbird_dashboard.content import cells, progress
from kingbird_dashboard.test.unit.case import (
    ADMIN,
    READER,
    URL,
    PageCase,
    example,
    url,
)

JOB = "dddddddd-0000-4000-8000-000000000003"
OTHER = "dddddddd-0000-4000-8000-000000000009"
BUTTONS = ("cancel", "retry", "apply", "before-undo", "delete")


class JobsTest(PageCase):
    def test_the_list(self):
        details = example("list-jobs-detail")
        self.answer("GET", "os-sync/detail", details)
        page = self.client.get(url("jobs"))
        shown = [job.id for job in page.context["jobs"]]
        assert shown == [job["id"] for job in details["job_set"]]
        self.assertContains(page, shown[0][:8])
        self.assertContains(page, url("job", shown[0]))

    def test_a_live_list_hands_the_tag_on(self):
        self.answer("GET", "os-sync/detail", example("list-jobs-detail"), ETag='"one"')
        first = self.client.get(url("live_jobs"))
        assert first["ETag"] == '"one"'
        assert first["Cache-Control"] == "private, no-cache"
        self.answer("GET", "os-sync/detail", None, 304)
        again = self.client.get(url("live_jobs"), HTTP_IF_NONE_MATCH='"one"')
        assert (again.status_code, again.content) == (304, b"")
        assert self.kingbird.last_request.headers["If-None-Match"] == '"one"'

    def test_a_live_list_without_kingbird_has_a_sentence(self):
        self.refuse("GET", "os-sync/detail", 503, "The database is away")
        live = self.client.get(url("live_jobs"))
        assert (live.status_code, live.json()) == (503, {"trouble": "The database is away"})

    def test_the_list_without_kingbird_has_a_sentence(self):
        self.refuse("GET", "os-sync/detail", 503, "The database is away <b>")
        page = self.client.get(url("jobs"))
        self.assertContains(page, "The database is away &lt;b&gt;")

    def test_an_admin_sees_the_jobs_of_every_project(self):
        self._setup_user(roles=ADMIN)
        self.answer("GET", "os-sync/detail", example("list-jobs-detail"))
        self.client.get(url("jobs", dashboard="admin"))
        assert self.kingbird.last_request.qs["all_projects"] == ["true"]

    def test_an_admin_sees_a_job_of_another_project(self):
        self._setup_user(roles=ADMIN)
        other = "b2222222222233334444555555555555"
        where = f"{URL}/{other}/os-sync/{JOB}"
        self.kingbird.get(where, json=example("show-job"))
        self.kingbird.post(f"{where}/cancel", json={"job_status": {"id": JOB}}, status_code=202)
        self.answer("GET", "os-sync/detail", {"job_set": [], "links": []})
        address = f"{url('job', JOB, dashboard='admin')}?project={other}"
        self.assertContains(self.client.get(address), "owner conflict")
        done = self.client.post(f"{url('cancel', JOB, dashboard='admin')}?project={other}")
        assert done["Location"] == address
        # In the own panel the address of another project means nothing.
        self.answer("GET", f"os-sync/{JOB}", example("show-job"))
        self.client.get(f"{url('job', JOB)}?project={other}")
        assert len(self.asked("GET", f"os-sync/{JOB}")) == 1

    def show(self, **changes):
        body = example("show-job")
        body["job"].update(changes)
        self.answer("GET", f"os-sync/{JOB}", body)
        detail = {**example("list-jobs-detail")["job_set"][0], "id": JOB}
        self.answer("GET", "os-sync/detail", {"job_set": [detail], "links": []})
        return self.client.get(url("job", JOB))

    def test_one_job(self):
        page = self.show()
        kinds = [dict(row.cells)["RegionTwo"].kind for row in page.context["rows"]]
        assert kinds == ["same", "conflict"]
        self.assertContains(page, "The id belongs to another project&#x27;s image")
        reasons = [reason for reason, *_rest in page.context["reasons"]]
        assert reasons[0] == "owner_conflict"

    def test_a_job_that_waits_for_a_region(self):
        waits = {"waits_for": ["RegionTwo"], "sync_status": "IN_PROGRESS"}
        page = self.show(**waits)
        self.assertContains(page, "waits for RegionTwo to be back")
        self.assertContains(page, "· the region is away")
        live = self.client.get(url("live_job", JOB)).json()
        assert live["job"]["phase_text"].endswith("waits for RegionTwo to be back")
        # It has ended since.
        self.assertNotContains(self.show(waits_for=["RegionTwo"]), "to be back")

    def show_metadefs(self, outcomes=None, **changes):
        """Answer a job about namespaces of metadata definitions, and return its page."""
        job, item = example("show-job")["job"], example("show-job")["job_set"][0]
        item = {**item, "resource_type": "metadef", "reason": "created"}
        names = ("OS::A|b", JOB)
        items = [{**item, "resource": name, "resource_name": name, **changes} for name in names]
        job["outcomes"] = outcomes or {"created": 2}
        body = {"job": job, "job_set": items, "links": []}
        self.answer("GET", f"os-sync/{JOB}", body)
        detail = {**example("list-jobs-detail")["job_set"][0], "id": JOB}
        asked = {**detail["request"][0], "resource_type": "metadef", "resources_total": 2}
        detail["request"] = [{**asked, "resources": ["OS::A|b", JOB]}]
        self.answer("GET", "os-sync/detail", {"job_set": [detail], "links": []})
        return self.client.get(url("job", JOB))

    def test_a_job_about_metadata_definitions(self):
        page = self.show_metadefs()
        self.assertContains(page, "2 metadata namespaces from")
        self.assertContains(page, "<bdi>OS::A|b</bdi>")
        # A namespace may have the name of an image, and has no page.
        self.assertNotContains(page, url("image", JOB))
        kinds = {dict(row.cells)["RegionTwo"].kind for row in page.context["rows"]}
        assert kinds == {"same"}
        assert self.buttons(page) == ["retry", "delete"]
        live = self.client.get(url("live_job", JOB)).json()
        assert set(live["cells"]) == {"OS::A|b|RegionTwo", f"{JOB}|RegionTwo"}
        self.assertContains(self.client.get(url("before_undo", JOB)), "cannot be undone")
        self.assertContains(self.client.get(url("jobs")), "2 metadata namespaces from")

    def test_items_about_metadata_definitions_before_the_plan(self):
        planned = {"reason": None, "sync_status": "IN_PROGRESS", "action": None}
        page = self.show_metadefs(**planned, resource_name=None)
        assert [row.name for row in page.context["rows"]] == ["OS::A|b", JOB]
        page = self.show_metadefs(**planned, resource_name=None, resource="*")
        assert [row.name for row in page.context["rows"]] == ["all metadata namespaces"]

    def test_advice_about_metadata_definitions(self):
        page = self.show_metadefs({"owner_conflict": 1, "quota": 1})
        advice = {reason: text for reason, _word, _number, text in page.context["reasons"]}
        assert advice["owner_conflict"].startswith("Ask the project that has the name")
        assert advice["quota"].startswith("Ask for a larger quota")

    def buttons(self, page):
        text = page.content.decode()
        return [what for what in BUTTONS if f"/{what}/" in text]

    def test_the_buttons_of_a_job(self):
        assert self.buttons(self.show()) == ["retry", "delete"]
        assert self.buttons(self.show(sync_status="IN_PROGRESS")) == ["cancel"]
        planned = {"dry_run": True, "sync_status": "SUCCESS", "outcomes": {"missing": 2}}
        assert self.buttons(self.show(**planned)) == ["apply", "delete"]
        planned["outcomes"] = {"in_sync": 2}
        assert self.buttons(self.show(**planned)) == ["delete"]

    def test_a_job_that_wrote_can_be_undone(self):
        wrote = {"outcomes": {"created": 2, "owner_conflict": 1}}
        assert self.buttons(self.show(**wrote)) == ["retry", "before-undo", "delete"]
        assert self.buttons(self.show(sync_status="IN_PROGRESS", **wrote)) == ["cancel"]
        assert "before-undo" not in self.buttons(self.show(dry_run=True, **wrote))

    def test_a_job_is_undone_once(self):
        wrote = {"outcomes": {"created": 2}}
        self.show(**wrote)
        undo = {"id": OTHER, "of": JOB, "sync_status": "FAILURE", "dry_run": False}
        for status, is_undone in (("FAILURE", False), ("SUCCESS", True), ("IN_PROGRESS", True)):
            details = [{**undo, "sync_status": status}]
            self.answer("GET", "os-sync/detail", {"job_set": details, "links": []})
            page = self.client.get(url("job", JOB))
            assert ("before-undo" not in self.buttons(page)) is is_undone
            assert (url("job", OTHER) in page.content.decode()) is is_undone

    def test_a_job_that_undoes_another_one(self):
        named = example("show-job")
        named["job"].update(id=OTHER, dry_run=False)
        self.answer("GET", f"os-sync/{OTHER}", named)
        outcomes = {"undone": 1, "kept": 1, "touched": 1}
        page = self.show(of=OTHER, outcomes=outcomes)
        self.assertContains(page, "The job that this one undoes")
        assert self.buttons(page) == ["delete"]
        # The writes of a preview's job can be undone.
        named["job"]["dry_run"] = True
        self.answer("GET", f"os-sync/{OTHER}", named)
        page = self.show(of=OTHER, outcomes={"created": 1})
        self.assertContains(page, "As previewed")
        assert "before-undo" in self.buttons(page)
        # One whose old job was deleted tells by what it found.
        self.refuse("GET", f"os-sync/{OTHER}", 404, "There is no job")
        assert self.buttons(self.show(of=OTHER, outcomes=outcomes)) == ["delete"]

    def test_what_undoing_does_is_said_before(self):
        body = example("show-job")
        outcomes = {"created": 2, "updated": 1, "imported": 3}
        body["job"].update(outcomes=outcomes, rule=OTHER)
        self.answer("GET", f"os-sync/{JOB}", body)
        page = self.client.get(url("before_undo", JOB))
        for text in (
            "2 records that the job created are hidden.",
            "1 image that the job updated gets its old values back.",
            "3 images got data, and are kept.",
            "Pause or change the rule first",
            "Undo it (6)",
        ):
            self.assertContains(page, text)
        (asked,) = self.asked("GET", f"os-sync/{JOB}")
        assert asked.qs["reason"] == ["created,imported,updated"]
        assert self.asked("POST", f"os-sync/{JOB}/undo") == []
        self._setup_user(roles=READER)
        self.assertNotContains(self.client.get(url("before_undo", JOB)), "Undo it")

    def test_nothing_is_undone_of_a_job_that_wrote_nothing(self):
        self.answer("GET", f"os-sync/{JOB}", example("show-job"))
        page = self.client.get(url("before_undo", JOB))
        self.assertContains(page, "has written nothing")
        self.assertNotContains(page, url("undo", JOB))

    def test_a_job_of_another_project_begins_no_other(self):
        self._setup_user(roles=ADMIN)
        other = "b2222222222233334444555555555555"
        body = example("show-job")
        body["job"]["outcomes"]["created"] = 2
        self.kingbird.get(f"{URL}/{other}/os-sync/{JOB}", json=body)
        self.answer("GET", f"os-sync/{JOB}", body)
        self.answer("GET", "os-sync/detail", {"job_set": [], "links": []})
        address = url("job", JOB, dashboard="admin")
        theirs = self.client.get(f"{address}?project={other}")
        assert self.buttons(theirs) == ["delete"]
        own = self.client.get(address)
        assert self.buttons(own) == ["retry", "before-undo", "delete"]

    def test_a_reader_has_no_buttons(self):
        self._setup_user(roles=READER)
        assert self.buttons(self.show()) == []
        assert self.buttons(self.show(sync_status="IN_PROGRESS")) == []

    def test_a_live_job(self):
        self.answer("GET", f"os-sync/{JOB}", example("show-job"), ETag='"a"')
        live = self.client.get(url("live_job", JOB)).json()
        assert live["job"]["is_open"] is False
        assert live["regions"]["RegionTwo"][0] == 100
        assert live["cells"]["aaaaaaaa-0000-4000-8000-000000000002|RegionTwo"]["symbol"] == "!"

    def test_actions_call_kingbird_and_show_the_job_that_runs(self):
        other = OTHER
        for what in ("cancel", "retry", "apply", "undo"):
            self.answer("POST", f"os-sync/{JOB}/{what}", {"job_status": {"id": other}}, 202)
            self.answer("GET", f"os-sync/{other}", example("show-job"))
            answer = self.client.post(url(what, JOB))
            self.assertRedirects(answer, url("job", other), fetch_redirect_response=False)

    def test_a_region_is_retried_alone(self):
        self.answer("POST", f"os-sync/{JOB}/retry", {"job_status": {"id": JOB}}, 202)
        self.client.post(url("retry", JOB), {"regions": ["RegionTwo"]})
        assert self.kingbird.last_request.json() == {"regions": ["RegionTwo"]}

    def test_a_refused_action_is_said(self):
        self.refuse("POST", f"os-sync/{JOB}/cancel", 409, "The job has ended")
        answer = self.client.post(url("cancel", JOB), follow=False)
        self.assertRedirects(answer, url("job", JOB), fetch_redirect_response=False)
        page = self.show()
        self.assertContains(page, "The job has ended")

    def test_an_action_is_no_link(self):
        assert self.client.get(url("cancel", JOB)).status_code == 405
        assert self.kingbird.request_history == []

    def test_deletion(self):
        self.answer("DELETE", f"os-sync/{JOB}", {})
        answer = self.client.post(url("delete", JOB))
        self.assertRedirects(answer, url("jobs"), fetch_redirect_response=False)


@pytest.mark.parametrize(
    ("status", "action", "reason", "kind"),
    [
        ("IN_PROGRESS", "create", None, "busy"),
        ("SUCCESS", "create", "created", "no_data"),
        ("SUCCESS", "update", "updated", "same"),
        ("SUCCESS", "none", "in_sync", "same"),
        ("SUCCESS", "none", "no_data", "no_data"),
        ("FAILURE", "none", "drift", "drift"),
        ("FAILURE", "none", "owner_conflict", "conflict"),
        ("SKIPPED", "create", "id_taken", "conflict"),
        ("SKIPPED", "none", "region_bound", "skipped"),
        ("FAILURE", "create", "quota", "failed"),
        ("FAILURE", "create", "region_unavailable", "away"),
        ("CANCELLED", "create", "cancelled", "cancelled"),
        ("PLANNED", "create", "missing", "missing"),
        ("PLANNED", "update", "drift", "drift"),
        ("PLANNED", "none", "owner_conflict", "conflict"),
        ("PLANNED", "none", "quota", "failed"),
        ("SUCCESS", "update", "undone", "skipped"),
        ("SKIPPED", "update", "kept", "skipped"),
        ("SKIPPED", "update", "touched", "skipped"),
        ("SKIPPED", "none", "orphaned", "skipped"),
        ("SUCCESS", "update", "hidden", "skipped"),
        ("SUCCESS", "delete", "deleted", "skipped"),
        ("SUCCESS", "update", "revived", "same"),
        ("FAILURE", "none", "orphan_guard", "failed"),
        ("SKIPPED", "none", "home_unknown", "skipped"),
        ("PLANNED", "update", "orphaned", "drift"),
        ("PLANNED", "delete", "orphaned", "drift"),
    ],
)
def test_cells_of_items(status, action, reason, kind):
    item = {"sync_status": status, "action": action, "reason": reason, "fields": {}}
    found = cells.of_item(item)
    assert found.kind == kind
    assert found.symbol
    assert found.label


def test_a_namespace_that_was_created_is_all_there():
    item = {"sync_status": "SUCCESS", "action": "create", "reason": "created", "fields": {}}
    assert cells.of_item({**item, "resource_type": "metadef"}).kind == "same"


def test_cells_of_orphans_say_what_became_of_them():
    def cell(status, action, reason, message=None):
        item = {"sync_status": status, "action": action, "reason": reason, "message": message}
        return cells.of_item({**item, "fields": {}})

    assert cell("SUCCESS", "update", "hidden").word == "orphan hidden"
    assert cell("SUCCESS", "delete", "deleted").word == "orphan deleted"
    assert cell("SUCCESS", "update", "revived").word == "shown again"
    assert cell("PLANNED", "delete", "orphaned").word == "would be deleted"
    guarded = cell("FAILURE", "none", "orphan_guard", "R1 lists no image at all")
    assert (guarded.word, guarded.label) == ("too many orphans", "R1 lists no image at all")


def test_a_stopped_mass_loss_has_advice():
    words = progress.reasons({"outcomes": {"hidden": 2, "orphan_guard": 11}})
    assert [row[0] for row in words] == ["orphan_guard", "hidden"]
    assert "None of these were hidden or deleted" in words[0][3]


def test_cells_of_data():
    item = {"sync_status": "SUCCESS", "action": "import", "reason": "imported", "fields": {}}
    assert cells.of_item({**item, "data": "active"}).word == "with data"
    item = {**item, "sync_status": "IN_PROGRESS", "reason": None, "data": "importing"}
    assert cells.of_item(item).word == "data"


def test_a_job_is_not_done_before_its_last_item():
    job = {**example("show-job")["job"], "sync_status": "IN_PROGRESS"}
    job["statuses"] = {"SUCCESS": 999, "IN_PROGRESS": 1}
    assert progress.of_job(job, None).percent == 99
    job["statuses"] = {"SUCCESS": 1000}
    assert progress.of_job(job, None).percent == 99
    assert progress.of_job({**job, "sync_status": "SUCCESS"}, None).percent == 100
