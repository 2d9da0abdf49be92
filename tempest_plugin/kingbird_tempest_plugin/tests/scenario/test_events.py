"""Tests of images that spread by the events of Glance."""

from tempest import config
from tempest.lib import decorators

from kingbird_tempest_plugin.tests import rules

CONF = config.CONF


class EventsTest(rules.BaseRulesTest):
    """Uploads in a cloud whose Glances send notifications to Kingbird's listener."""

    @classmethod
    def skip_checks(cls) -> None:
        """Skip the tests if Glance sends no notifications."""
        super().skip_checks()
        if not CONF.kingbird.glance_notifications:
            raise cls.skipException("Glance sends no notifications to Kingbird")

    @decorators.idempotent_id("2972d521-dd17-4d84-97ae-fde23b4b5b4e")
    def test_an_upload_begins_a_run(self) -> None:
        rule = self.make_rule(events=True, interval=0)
        # The first run is over, and no other one follows but by an event.
        self.wait(rule["last_job"])
        self.assertIsNotNone(rule["hears"][self.source])
        image = self.make_image(rule)
        self.assert_copy(image, self.wait_for_copy(image, self.target))
        jobs = self.client.list_sync_jobs(rule=rule["id"])["job_set"]
        shown = [self.client.show_sync_job(job["id"], limit=1)["job"] for job in jobs]
        self.assertEqual({"created", "event"}, {job["trigger"] for job in shown})
