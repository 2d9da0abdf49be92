"""Tests of invalid requests about rules."""

from typing import Any

from tempest.lib import decorators, exceptions
from tempest.lib.common.utils import data_utils

from kingbird_tempest_plugin.tests import rules


class SyncRulesNegativeTest(rules.BaseRulesTest):
    """Requests that are refused and must have no effect."""

    def _refused(self, error: type[Exception], **changed: Any) -> str:
        fields = self.fields(**changed)
        refused = self.assertRaises(error, self.rules.create_sync_rule, **fields)
        listed = self.rules.list_sync_rules()["rules"]
        made = [rule for rule in listed if rule["filters"] == fields["filters"]]
        self.assertEqual([], made)
        return str(refused)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("c4a7b215-4b34-4202-afff-e10cdd959b7b")
    def test_create_with_wrong_values(self) -> None:
        for name, value in (
            ("interval", 1),
            ("name", ""),
            ("events", "perhaps"),
            ("resource_type", "server"),
            ("dry_run", True),
        ):
            self.assertIn(name, self._refused(exceptions.BadRequest, **{name: value}))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("17364312-b9ee-4880-87ac-9e7530b6b266")
    def test_create_with_an_unknown_region(self) -> None:
        self.assertIn("Nowhere", self._refused(exceptions.BadRequest, source="Nowhere"))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("5e3e9810-654c-43fa-840b-8ac2f8d13e1c")
    def test_create_with_a_name_that_is_taken(self) -> None:
        rule = self.make_rule(enabled=False)
        self.assertIn(rule["name"], self._refused(exceptions.Conflict, name=rule["name"]))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("79a7d1c0-50ff-4dc7-84a5-28c1e1fcc835")
    def test_calls_about_a_rule_that_is_not_there(self) -> None:
        rule_id = data_utils.rand_uuid()
        for call in (
            self.rules.show_sync_rule,
            self.rules.update_sync_rule,
            self.rules.run_sync_rule,
            self.rules.delete_sync_rule,
        ):
            changed = {"interval": 3600} if call == self.rules.update_sync_rule else {}
            self.assertRaises(exceptions.NotFound, call, rule_id, **changed)
