"""Tests of cancelling and retrying jobs."""

from tempest.lib import decorators, exceptions

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
        # Items that have not failed can't be retried.
        part = {"resources": [good["id"]], "regions": [self.target]}
        self.assertRaises(exceptions.Conflict, self.client.retry_sync_job, job_id, **part)
        self.client.retry_sync_job(job_id, resources=[bad["id"]])
        status, items = self.wait(job_id)
        self.assertEqual(SUCCESS, status)
        item = self.item_of(items, bad["id"], self.target)
        self.assertEqual(("in_sync", 2), (item["reason"], item["attempts"]))
        item = self.item_of(items, good["id"], self.target)
        self.assertEqual(("created", 1), (item["reason"], item["attempts"]))

    @decorators.idempotent_id("8f2c6a35-9d0a-4a2f-9a4d-6a3e5b1d7c80")
    def test_apply_a_dry_run(self) -> None:
        same, changed = (self.images.make(self.source, None) for _ in range(2))
        wanted = sync(same["id"], changed["id"], source=self.source, target=[self.target])
        dry_run = self.start({**wanted, "dry_run": True})
        self.wait(dry_run)
        self.images.change(self.source, changed["id"], os_distro="inferno")
        job_id = self.client.apply_sync_job(dry_run)["job_status"]["id"]
        self.addCleanup(self._end_and_delete, self.client, job_id)
        status, items = self.wait(job_id)
        self.assertEqual(FAILURE, status)
        self.assertEqual("created", self.item_of(items, same["id"], self.target)["reason"])
        item = self.item_of(items, changed["id"], self.target)
        self.assertEqual("plan_outdated", item["reason"])
        self.assertEqual(dry_run, self.client.show_sync_job(job_id)["job"]["of"])
        self.assertRaises(exceptions.Conflict, self.client.apply_sync_job, job_id)

    @decorators.idempotent_id("5d0c1b7e-62f4-4b5a-8e7d-2c9f3a60b1d8")
    def test_undo_a_job(self) -> None:
        there, missing = (self.images.make(self.source, None, name="new") for _ in range(2))
        self.images.make(self.target, None, id=there["id"], name="old")
        wanted = sync(there["id"], missing["id"], source=self.source, target=[self.target])
        wanted["on_drift"] = "update"
        job_id = self.start(wanted)
        self.wait(job_id)
        self.assertEqual("new", self.images.see(self.target, there["id"])["name"])
        undone = self.client.undo_sync_job(job_id)["job_status"]["id"]
        self.addCleanup(self._end_and_delete, self.client, undone)
        status, items = self.wait(undone)
        self.assertEqual((SUCCESS, {"undone"}), (status, {each["reason"] for each in items}))
        self.assertEqual("old", self.images.see(self.target, there["id"])["name"])
        self.assertTrue(self.images.see(self.target, missing["id"])["os_hidden"])
        self.assertRaises(exceptions.Conflict, self.client.undo_sync_job, job_id)
        # It is done again without a new record.
        status, items = self.run_job(wanted)
        self.assertEqual((SUCCESS, {"updated"}), (status, {each["reason"] for each in items}))
        self.assertFalse(self.images.see(self.target, missing["id"])["os_hidden"])
