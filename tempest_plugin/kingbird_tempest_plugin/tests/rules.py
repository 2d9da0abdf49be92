"""The base of tests of rules, which are deleted after the test."""

from typing import Any, ClassVar

from tempest import config
from tempest.lib.common.utils import test_utils

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.images import Image, unique

CONF = config.CONF

Rule = dict[str, Any]


def lasting(rule: Rule) -> Rule:
    """Return a rule without what changes whenever a region tells something."""
    return {name: value for name, value in rule.items() if name != "hears"}


class BaseRulesTest(base.BaseSyncTest):
    """Base of tests of a member's rules.

    :cvar rules: the member's client for rules.
    """

    rules: ClassVar[Any]

    @classmethod
    def setup_clients(cls) -> None:
        """Create the member's client for rules."""
        super().setup_clients()
        cls.rules = cls.os_primary.kingbird_v1.SyncRulesClient()

    def fields(self, **changed: Any) -> Rule:
        """Return the fields of a rule that selects no image but those of this test."""
        prefix = unique("rule")
        return {
            "name": prefix,
            **base.sync("*", source=self.source, target=[self.target]),
            "filters": {"name_prefix": prefix},
            "events": False,
            **changed,
        }

    def make_rule(self, client: Any = None, **changed: Any) -> Rule:
        """Create a rule.

        :param changed: fields of the rule.
        """
        client = client or self.rules
        rule: Rule = client.create_sync_rule(**self.fields(**changed))["rule"]
        self.addCleanup(self._delete, client, rule["id"])
        return rule

    def make_image(self, rule: Rule) -> Image:
        """Create an image that a rule selects."""
        return self.images.make(self.source, name=unique(rule["filters"]["name_prefix"]))

    def wait_for_copy(self, image: Image, region: str) -> Image:
        """Wait until an image has a record in a region, and return it."""
        found: list[Image] = []

        def is_there() -> bool:
            record = self.images.get(region, image["id"])
            found.extend([record] if record else [])
            return bool(found)

        seconds, interval = CONF.kingbird.build_timeout, CONF.kingbird.build_interval
        if not test_utils.call_until_true(is_there, seconds, interval):
            self.fail(f"Image {image['id']} is not in {region} within {seconds} seconds")
        return found[0]

    def _delete(self, client: Any, rule_id: str) -> None:
        """Delete a rule, and wait for the end of its jobs, which write until then."""
        test_utils.call_and_ignore_notfound_exc(client.delete_sync_rule, rule_id)
        for job in self.client.list_sync_jobs(rule=rule_id)["job_set"]:
            # A run that found nothing to do may be gone by now.
            test_utils.call_and_ignore_notfound_exc(self.wait, job["id"])
