"""Tests of the rights of each role on rules."""

from typing import Any

from tempest.lib import decorators, exceptions

from kingbird_tempest_plugin.tests import rules


class RuleRolesTest(rules.BaseRulesTest):
    """A reader, a member and an admin of one project, and a member of another one."""

    credentials = ["primary", "project_reader", "project_admin", "project_alt_member"]

    @classmethod
    def setup_clients(cls) -> None:
        """Create a client for each of them."""
        super().setup_clients()
        cls.reader = cls.os_project_reader.kingbird_v1.SyncRulesClient()
        cls.admin = cls.os_project_admin.kingbird_v1.SyncRulesClient()
        cls.stranger = cls.os_project_alt_member.kingbird_v1.SyncRulesClient()

    def _refuses_all(self, client: Any, error: type[Exception], rule_id: str) -> None:
        self.assertRaises(error, client.update_sync_rule, rule_id, interval=0)
        self.assertRaises(error, client.run_sync_rule, rule_id)
        self.assertRaises(error, client.delete_sync_rule, rule_id)
        self.assertEqual(3600, self.rules.show_sync_rule(rule_id)["rule"]["interval"])

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("526ca7a9-9a2a-4c17-a6b1-a1de3deb084d")
    def test_reader_sees_rules_and_changes_nothing(self) -> None:
        rule = self.make_rule(enabled=False)
        shown = self.reader.show_sync_rule(rule["id"])["rule"]
        self.assertEqual(rules.lasting(rule), rules.lasting(shown))
        listed = self.reader.list_sync_rules()["rules"]
        self.assertIn(rule["id"], [each["id"] for each in listed])
        self.assertRaises(exceptions.Forbidden, self.reader.create_sync_rule, **self.fields())
        self._refuses_all(self.reader, exceptions.Forbidden, rule["id"])

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("2a8c340f-4cfc-4090-a64f-00a7733e1ed1")
    def test_stranger_finds_no_rule_of_the_project(self) -> None:
        rule = self.make_rule(enabled=False)
        listed = self.stranger.list_sync_rules()["rules"]
        self.assertNotIn(rule["id"], [each["id"] for each in listed])
        self.assertRaises(exceptions.NotFound, self.stranger.show_sync_rule, rule["id"])
        self._refuses_all(self.stranger, exceptions.NotFound, rule["id"])
        project = self.rules.project_id
        self.assertRaises(exceptions.Forbidden, self.stranger.list_sync_rules, project=project)

    @decorators.idempotent_id("7cf11a72-d720-4eb2-9542-22b4d763a5c6")
    def test_all_projects_is_for_admins(self) -> None:
        fields = self.fields(all_projects=True, enabled=False)
        self.assertRaises(exceptions.Forbidden, self.rules.create_sync_rule, **fields)
        rule = self.make_rule(self.admin, all_projects=True, enabled=False)
        self.assertTrue(rule["all_projects"])
        # Other users of the project cannot see it.
        self.assertRaises(exceptions.NotFound, self.rules.show_sync_rule, rule["id"])

    @decorators.idempotent_id("68f21065-cd70-41fd-a199-17eafc41cc5c")
    def test_admin_deletes_another_projects_rule(self) -> None:
        rule = self.make_rule(self.stranger, enabled=False)
        project = self.stranger.project_id
        listed = self.admin.list_sync_rules(project=project)["rules"]
        self.assertIn(rule["id"], [each["id"] for each in listed])
        self.admin.delete_sync_rule(rule["id"], project=project)
        self.assertRaises(exceptions.NotFound, self.stranger.show_sync_rule, rule["id"])
