"""The pages about rules."""

from kingbird_dashboard.content import preview
from kingbird_dashboard.content.image_sync import forms
from kingbird_dashboard.test.unit.case import ADMIN, READER, URL, PageCase, example, schema, url

RULE = "dddddddd-0000-4000-8000-000000000020"
JOB = "dddddddd-0000-4000-8000-000000000003"
GIVEN = {
    "name": "golden",
    "tag": "golden, tested",
    "name_prefix": "",
    "source": ["RegionOne"],
    "target": ["*"],
    "on_drift": "update",
    "interval": "3600",
    "events": "on",
}


class RulesTest(PageCase):
    def test_the_list(self):
        self.answer("GET", "os-sync-rules", example("list-rules"))
        page = self.client.get(url("rules"))
        self.assertContains(page, "golden")
        self.assertContains(page, "tag: golden")
        self.assertContains(page, url("pause_rule", "0d1f6b3e-6a2c-4d0e-9a55-000000000001"))
        self.assertContains(page, url("enable_rule", RULE))

    def test_a_reader_has_no_buttons(self):
        self._setup_user(roles=READER)
        self.answer("GET", "os-sync-rules", example("list-rules"))
        page = self.client.get(url("rules"))
        self.assertContains(page, "golden")
        for what in ("pause_rule", "enable_rule", "run_rule", "delete_rule", "edit_rule"):
            self.assertNotContains(page, url(what, RULE))
        self.assertNotContains(page, url("new_rule"))

    def test_a_new_rule(self):
        self.answer("POST", "os-sync-rules", example("create-rule"), 201)
        answer = self.client.post(url("new_rule"), GIVEN)
        self.assertRedirects(answer, url("rules"), fetch_redirect_response=False)
        assert self.kingbird.last_request.json() == {
            "rule": {
                "name": "golden",
                "description": "",
                "interval": 3600,
                "events": True,
                "resource_type": "image",
                "resources": ["*"],
                "source": ["RegionOne"],
                "target": ["*"],
                "filters": {"tag": ["golden", "tested"]},
                "on_drift": "update",
            }
        }

    def test_a_refused_rule_keeps_what_was_typed(self):
        self.refuse("POST", "os-sync-rules", 409, "There is a rule golden")
        page = self.client.post(url("new_rule"), GIVEN)
        self.assertContains(page, "There is a rule golden")
        self.assertContains(page, 'value="golden, tested"')

    def test_an_incomplete_rule_is_not_sent(self):
        page = self.client.post(url("new_rule"), {**GIVEN, "name": "", "source": ["Nowhere"]})
        assert set(page.context["form"].errors) == {"name", "source"}
        assert self.kingbird.request_history == []

    def test_a_preview_without_javascript(self):
        self.answer("POST", "os-sync", {"job_status": {"id": JOB}})
        running = example("show-job")
        running["job"]["sync_status"] = "IN_PROGRESS"
        self.answer("GET", f"os-sync/{JOB}", running)
        self.answer("POST", f"os-sync/{JOB}/cancel", {}, 409)
        self.answer("DELETE", f"os-sync/{JOB}", {})
        page = self.client.post(url("new_rule"), {**GIVEN, "preview": "1"})
        self.assertContains(page, "The regions are compared.")
        self.assertContains(page, "Look again")
        sent = self.asked("POST", "os-sync")[0].json()["resource_set"]
        assert sent["dry_run"] is True
        # The button carries the preview on, and begins no other one.
        looked = {name: page.context[name] for name in ("previewed", "previewed_of")}
        self.answer("GET", f"os-sync/{JOB}", example("show-job"))
        page = self.client.post(url("new_rule"), {**GIVEN, "preview": "1", **looked})
        self.assertContains(page, "2 images match, 0 records would be created")
        self.assertNotContains(page, "Look again")
        assert len(self.asked("POST", "os-sync")) == 1
        assert len(self.asked("DELETE", f"os-sync/{JOB}")) == 1
        # Once something else is typed, the old preview says nothing.
        other = {**GIVEN, "name_prefix": "x", "preview": "1", **looked}
        self.client.post(url("new_rule"), other)
        assert len(self.asked("POST", "os-sync")) == 2

    def test_a_preview_while_one_types_ends_the_one_before(self):
        other = "dddddddd-0000-4000-8000-000000000009"
        self.answer("POST", f"os-sync/{other}/cancel", {"job_status": {"id": other}}, 202)
        self.answer("DELETE", f"os-sync/{other}", {})
        self.answer("POST", "os-sync", {"job_status": {"id": JOB}})
        begun = self.client.post(url("preview_rule"), {**GIVEN, "name": "", "replaces": other})
        assert begun.json() == {"job": JOB}
        assert len(self.asked("DELETE", f"os-sync/{other}")) == 1
        running = example("show-job")
        running["job"]["sync_status"] = "IN_PROGRESS"
        self.answer("GET", f"os-sync/{JOB}", running)
        assert self.client.get(url("preview_rule"), {"job": JOB}).json() == {"sentence": ""}

    def test_a_preview_that_is_refused_has_a_sentence(self):
        self.refuse("POST", "os-sync", 429, "Too many jobs")
        begun = self.client.post(url("preview_rule"), GIVEN)
        assert begun.json() == {"trouble": "Too many jobs"}

    def show(self, **changes):
        """Answer the rule that a test changes."""
        body = example("show-rule")
        body["rule"].update(changes)
        self.answer("GET", f"os-sync-rules/{RULE}", body)
        return body["rule"]

    def test_the_form_of_a_rule_shows_what_it_has(self):
        self.show(
            name="gold",
            filters={"tag": ["a", "b"], "visibility": ["public"]},
            source=["RegionGone"],
            interval=7200,
            on_drift="update",
            events=False,
        )
        page = self.client.get(url("edit_rule", RULE))
        self.assertContains(page, 'value="gold"')
        self.assertContains(page, 'value="a, b"')
        self.assertContains(page, '<option value="RegionGone" selected>')
        self.assertContains(page, '<option value="7200" selected>')
        self.assertContains(page, '<option value="update" selected>')
        self.assertNotContains(page, 'id="id_events" checked')
        self.assertContains(page, url("preview_change", RULE))

    def test_a_rule_is_changed_and_keeps_what_the_form_does_not_show(self):
        self.show(
            filters={"tag": ["a"], "visibility": ["public"]},
            resources=["*"],
            prune=True,
            force=True,
            on_drift="update",
            data="import",
        )
        self.answer("PATCH", f"os-sync-rules/{RULE}", example("update-rule"))
        given = {**GIVEN, "tag": "", "name_prefix": "web-", "on_drift": "report"}
        answer = self.client.post(url("edit_rule", RULE), given)
        self.assertRedirects(answer, url("rules"), fetch_redirect_response=False)
        sent = self.kingbird.last_request.json()["rule"]
        assert sent["filters"] == {"visibility": ["public"], "name_prefix": "web-"}
        assert (sent["on_drift"], sent["prune"]) == ("report", False)
        assert (sent["data"], sent["name"]) == ("none", "golden")
        # Kingbird keeps what is not sent.
        assert not {"force", "resources", "resource_type", "members", "state"} & set(sent)

    def test_a_change_is_previewed_with_the_images_of_the_rule(self):
        shown = self.show()
        self.answer("POST", "os-sync", {"job_status": {"id": JOB}})
        begun = self.client.post(url("preview_change", RULE), {**GIVEN, "name": "", "tag": ""})
        assert begun.json() == {"job": JOB}
        sent = self.kingbird.last_request.json()["resource_set"]
        assert sent["resources"] == shown["resources"] != ["*"]
        assert "filters" not in sent
        assert sent["dry_run"] is True
        assert self.asked("PATCH", f"os-sync-rules/{RULE}") == []

    def test_the_preview_of_a_change_keeps_what_the_form_does_not_show(self):
        kept = {"members": "exact", "on_orphan": "hide", "same_name": "skip", "force": True}
        self.show(resources=["*"], on_drift="update", **kept)
        self.answer("POST", "os-sync", {"job_status": {"id": JOB}})
        self.client.post(url("preview_change", RULE), {**GIVEN, "name": ""})
        sent = self.kingbird.last_request.json()["resource_set"]
        assert {name: sent[name] for name in kept} == kept
        self.assert_is_a_set(sent)

    def test_a_set_has_no_field_of_its_rule_alone(self):
        fields = schema("Rule")["properties"].keys()
        assert fields - forms.OF_RULE == fields & schema("SyncSet")["properties"].keys()
        assert fields >= forms.OF_RULE

    def assert_is_a_set(self, sent):
        allowed, needed = schema("SyncSet")["properties"], schema("SyncSet")["required"]
        assert set(needed) <= set(sent) <= set(allowed)

    def test_a_rule_about_metadata_definitions_is_shown_and_not_changed(self):
        body = example("list-rules")
        rule = {**body["rules"][0], "id": RULE, "resource_type": "metadef", "resources": ["*"]}
        rule.update(filters={}, all_projects=True, data="none")
        self.answer("GET", "os-sync-rules", {"rules": [rule], "links": []})
        page = self.client.get(url("rules"))
        self.assertContains(page, "all metadata namespaces")
        self.assertContains(page, url("run_rule", RULE))
        self.assertNotContains(page, url("edit_rule", RULE))
        self.answer("GET", f"os-sync-rules/{RULE}", {"rule": rule})
        said = "is about metadata definitions"
        for answer in (
            self.client.get(url("edit_rule", RULE)),
            self.client.post(url("edit_rule", RULE), GIVEN),
        ):
            self.assertContains(answer, said)
            self.assertNotContains(answer, "kb-save")
        begun = self.client.post(url("preview_change", RULE), GIVEN)
        assert said in begun.json()["trouble"]
        assert {one.method for one in self.kingbird.request_history} == {"GET"}

    def test_the_list_says_how_many_resources_a_rule_names(self):
        rules = []
        for kind, names in (("image", [RULE]), ("metadef", ["OS::One", "OS::Two"])):
            rule = {**example("list-rules")["rules"][0], "filters": {}}
            rules.append({**rule, "resource_type": kind, "resources": names})
        self.answer("GET", "os-sync-rules", {"rules": rules, "links": []})
        page = self.client.get(url("rules"))
        shown = [rule["about"] for rule in page.context["rules"]]
        assert shown == ["1 image", "2 metadata namespaces"]

    def test_a_refused_change_keeps_what_was_typed(self):
        self.show()
        self.refuse("PATCH", f"os-sync-rules/{RULE}", 409, "There is a rule golden")
        page = self.client.post(url("edit_rule", RULE), GIVEN)
        self.assertContains(page, "There is a rule golden")
        self.assertContains(page, 'value="golden, tested"')

    def test_a_rule_that_is_gone_has_a_sentence(self):
        self.refuse("GET", f"os-sync-rules/{RULE}", 404, "There is no rule")
        for answer in (
            self.client.get(url("edit_rule", RULE)),
            self.client.post(url("edit_rule", RULE), GIVEN),
        ):
            self.assertContains(answer, "There is no rule")
            self.assertNotContains(answer, "kb-save")
        begun = self.client.post(url("preview_change", RULE), GIVEN)
        assert begun.json() == {"trouble": "There is no rule"}

    def test_an_admin_sees_the_rules_of_every_project_and_deletes_one(self):
        self._setup_user(roles=ADMIN)
        body = example("list-rules")
        project = body["rules"][0]["project_id"]
        self.answer("GET", "os-sync-rules", body)
        page = self.client.get(url("rules", dashboard="admin"))
        assert self.kingbird.last_request.qs["all_projects"] == ["true"]
        self.assertContains(page, project)
        for what in ("run_rule", "pause_rule", "enable_rule", "edit_rule"):
            self.assertNotContains(page, url(what, RULE))
        self.assertNotContains(page, url("new_rule"))
        delete = f"{url('delete_rule', RULE, dashboard='admin')}?project={project}"
        self.assertContains(page, delete)
        self.kingbird.delete(f"{URL}/{project}/os-sync-rules/{RULE}", status_code=204)
        answer = self.client.post(delete)
        expected = url("rules", dashboard="admin")
        self.assertRedirects(answer, expected, fetch_redirect_response=False)

    def test_switches(self):
        self.answer("PATCH", f"os-sync-rules/{RULE}", example("update-rule"))
        self.client.post(url("pause_rule", RULE))
        assert self.kingbird.last_request.json() == {"rule": {"enabled": False}}
        self.client.post(url("enable_rule", RULE))
        assert self.kingbird.last_request.json() == {"rule": {"enabled": True}}

    def test_run_and_deletion(self):
        self.answer("POST", f"os-sync-rules/{RULE}/run", {"job_status": {"id": JOB}}, 202)
        answer = self.client.post(url("run_rule", RULE))
        self.assertRedirects(answer, url("job", JOB), fetch_redirect_response=False)
        self.answer("DELETE", f"os-sync-rules/{RULE}", None, 204)
        answer = self.client.post(url("delete_rule", RULE))
        self.assertRedirects(answer, url("rules"), fetch_redirect_response=False)


def test_the_sentence_of_a_preview():
    job = {
        "outcomes": {"missing": 12, "drift": 6, "owner_conflict": 3, "in_sync": 390, "quota": 1},
        "regions": {
            "RegionTwo": {"outcomes": {"missing": 12, "in_sync": 200}},
            "RegionThree": {"outcomes": {"drift": 6, "owner_conflict": 3, "in_sync": 190}},
        },
    }
    assert preview.sentence(job) == (
        "212 images match, 12 records would be created, 6 differ, 3 conflicts, 1 problem."
    )
