"""Tests of a member's calls about rules."""

from tempest.lib import decorators, exceptions

from kingbird_tempest_plugin.tests import rules
from kingbird_tempest_plugin.tests.base import IN_PROGRESS, SUCCESS


class SyncRulesTest(rules.BaseRulesTest):
    """Rules of a member, from their creation to their end."""

    @decorators.idempotent_id("a3c76c70-7720-4057-b2a7-99f0de93aeb4")
    def test_create_list_and_show(self) -> None:
        rule = self.make_rule(enabled=False, interval=7200, description="A test")
        self.assertEqual(("DISABLED", None), (rule["state"], rule["next_run_at"]))
        self.assertEqual(([self.source], [self.target]), (rule["source"], rule["target"]))
        self.assertEqual((7200, False), (rule["interval"], rule["events"]))
        self.assertEqual((0, None), (rule["waiting"], rule["lag"]))
        self.assertEqual([self.source], list(rule["hears"]))
        shown = self.rules.show_sync_rule(rule["id"])["rule"]
        self.assertEqual(rules.lasting(rule), rules.lasting(shown))
        listed = self.rules.list_sync_rules(enabled="false", limit=100)["rules"]
        self.assertIn(rule["id"], [each["id"] for each in listed])
        listed = self.rules.list_sync_rules(enabled="true")["rules"]
        self.assertNotIn(rule["id"], [each["id"] for each in listed])

    @decorators.idempotent_id("f5aeddb7-3f84-438c-a167-b82d951a8cc1")
    def test_a_rule_begins_with_a_full_run(self) -> None:
        disabled = self.make_rule(enabled=False)
        image = self.make_image(disabled)
        rule = self.rules.update_sync_rule(disabled["id"], enabled=True)["rule"]
        status, items = self.wait(rule["last_job"])
        self.assertEqual(SUCCESS, status)
        self.assert_copy(image, self.images.see(self.target, image["id"]))
        self.assertEqual("created", self.item_of(items, image["id"], self.target)["reason"])
        job = self.client.show_sync_job(rule["last_job"])["job"]
        self.assertEqual((rule["id"], "created"), (job["rule"], job["trigger"]))
        shown = self.rules.show_sync_rule(rule["id"])["rule"]
        self.assertEqual(("OK", 0), (shown["state"], shown["failures"]))
        self.assertIsNotNone(shown["next_run_at"])
        self.assertIsNotNone(shown["last_success_at"])

    @decorators.idempotent_id("f299d603-495c-4996-8b95-a8a24e811683")
    def test_run(self) -> None:
        rule = self.make_rule(enabled=False)
        first, second = self.make_image(rule), self.make_image(rule)
        for options, wanted in (
            ({"dry_run": True}, {first["id"], second["id"]}),
            ({"resources": [first["id"]]}, {first["id"]}),
            ({}, {second["id"]}),
        ):
            answer = self.rules.run_sync_rule(rule["id"], **options)["job_status"]
            self.assertEqual(IN_PROGRESS, answer["status"])
            status, items = self.wait(answer["id"])
            self.assertEqual(SUCCESS, status)
            self.assertEqual(wanted, {item["resource"] for item in items})
            self.assertEqual(
                "dry_run" in options, self.images.get(self.target, first["id"]) is None
            )
        self.assertIsNotNone(self.images.get(self.target, second["id"]))

    @decorators.idempotent_id("00ca5cea-852b-469c-99e5-d592c00ff440")
    def test_update(self) -> None:
        rule = self.make_rule(enabled=False)
        changed = self.rules.update_sync_rule(rule["id"], interval=0, on_drift="update")["rule"]
        self.assertEqual((0, "update"), (changed["interval"], changed["on_drift"]))
        self.assertEqual(rule["filters"], changed["filters"])
        self.assertIsNotNone(changed["updated_at"])

    @decorators.idempotent_id("56d4cc2b-d5d1-40f5-a668-62680a615aca")
    def test_delete(self) -> None:
        rule = self.make_rule()
        self.rules.delete_sync_rule(rule["id"])
        self.assertRaises(exceptions.NotFound, self.rules.show_sync_rule, rule["id"])
        listed = self.rules.list_sync_rules()["rules"]
        self.assertNotIn(rule["id"], [each["id"] for each in listed])
        # Its name is free again.
        self.make_rule(name=rule["name"], enabled=False)
