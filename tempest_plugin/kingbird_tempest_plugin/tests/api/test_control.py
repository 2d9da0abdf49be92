"""Tests of cancelling and retrying jobs."""

from tempest.lib import decorators

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import CANCELLED, FAILURE, IN_PROGRESS, SUCCESS, sync


class ControlTest(base.BaseSyncTest):
    """Actions of a member on a job."""

    @decorators.idempotent_id("1b8d20c3-4b3f-40c7-95fd-62e5110df11d")
    def test_cancel_and_retry(self) -> None:
        job_id = self.long_job()
        answer = self.client.cancel_sync_job(job_id)["job_status"]
        self.assertEqual((job_id, IN_PROGRESS), (answer["id"], answer["status"]))
        status, items = self.wait(job_id)
        self.assertEqual(CANCELLED, status)
        self.assertIn(CANCELLED, {item["sync_status"] for item in items})
        self.client.retry_sync_job(job_id)
        status, items = self.wait(job_id)
        self.assertEqual(SUCCESS, status)
        self.assertEqual({SUCCESS}, {item["sync_status"] for item in items})
        self.assertEqual(2, self.client.show_sync_job(job_id)["job"]["runs"])

    @decorators.idempotent_id("427d44c8-78a6-4985-a658-404b21f953c8")
    def test_retry_only_what_failed(self) -> None:
        good, bad = (self.images.make(self.source, os_distro="plan9") for _ in range(2))
        self.images.make(self.target, id=bad["id"], name=bad["name"], os_distro="inferno")
        job_id = self.start(sync(good["id"], bad["id"], source=self.source, target=[self.target]))
        status, items = self.wait(job_id)
        self.assertEqual(FAILURE, status)
        self.assertEqual("drift", self.item_of(items, bad["id"], self.target)["reason"])
        self.images.change(self.source, bad["id"], os_distro="inferno")
        self.client.retry_sync_job(job_id)
        status, items = self.wait(job_id)
        self.assertEqual(SUCCESS, status)
        item = self.item_of(items, bad["id"], self.target)
        self.assertEqual(("in_sync", 2), (item["reason"], item["attempts"]))
        item = self.item_of(items, good["id"], self.target)
        self.assertEqual(("created", 1), (item["reason"], item["attempts"]))
