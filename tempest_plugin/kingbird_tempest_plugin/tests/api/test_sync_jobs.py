"""Tests of creating, listing, showing and deleting jobs as a member."""

from tempest.lib import decorators, exceptions

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import IN_PROGRESS, SUCCESS, sync


class SyncJobsTest(base.BaseSyncTest):
    """Responses to valid requests."""

    @decorators.attr(type="smoke")
    @decorators.idempotent_id("f28b637f-1db2-42fd-8b12-b62ed293e4e7")
    def test_create_show_list_delete(self) -> None:
        image = self.images.make(self.source)
        job_id = self.start(sync(image["id"], source=self.source, target=[self.target]))
        status, items = self.wait(job_id)
        self.assertEqual(SUCCESS, status)
        item = self.item_of(items, image["id"], self.target)
        expected = {
            "resource": image["id"],
            "resource_type": "image",
            "source_region": self.source,
            "target_region": self.target,
            "sync_status": SUCCESS,
            "action": "create",
            "reason": "created",
            "target_resource": image["id"],
        }
        self.assertEqual(expected, {name: item[name] for name in expected})
        listed = {job["id"]: job for job in self.client.list_sync_jobs()["job_set"]}
        self.assertEqual(SUCCESS, listed[job_id]["sync_status"])
        self.client.delete_sync_job(job_id)
        self.assertRaises(exceptions.NotFound, self.client.show_sync_job, job_id)
        listed = self.client.list_sync_jobs()["job_set"]
        self.assertNotIn(job_id, [job["id"] for job in listed])
        # The record stays.
        self.images.see(self.target, image["id"])

    @decorators.idempotent_id("581a0a13-40da-479c-966b-3dc2cc22bbfb")
    def test_active(self) -> None:
        job_id = self.long_job()
        active = {job["id"]: job for job in self.client.list_active_sync_jobs()["job_set"]}
        self.assertEqual(IN_PROGRESS, active[job_id]["sync_status"])
        # The items of the request are shown before the job is planned.
        shown = self.client.show_sync_job(job_id)
        self.assertEqual(20 * len(self.targets), len(shown["job_set"]))
        status, _ = self.wait(job_id)
        self.assertEqual(SUCCESS, status)
        active = self.client.list_active_sync_jobs()["job_set"]
        self.assertNotIn(job_id, [job["id"] for job in active])

    @decorators.idempotent_id("2d40848a-dd75-426d-91a7-33501f86db98")
    def test_several_sets_make_one_job(self) -> None:
        first, second = (self.images.make(self.source, None) for _ in range(2))
        status, items = self.run_job(
            sync(first["id"], source=self.source, target=[self.target]),
            sync(second["id"], source=self.source, target=[self.target], force="True"),
        )
        self.assertEqual(SUCCESS, status)
        item = self.item_of(items, first["id"], self.target)
        self.assertEqual(first["id"], item["target_resource"])
        # The option belongs to its set.
        item = self.item_of(items, second["id"], self.target)
        self.assertNotEqual(second["id"], item["target_resource"])

    @decorators.idempotent_id("be445f8c-6b67-4937-b4d2-bca58ced7f1d")
    def test_an_image_that_is_named_twice_is_one_item(self) -> None:
        image = self.images.make(self.source, None)
        wanted = sync(image["id"], image["id"], source=self.source, target=[self.target])
        _, items = self.run_job(wanted, wanted)
        self.assertEqual(1, len(items))

    @decorators.idempotent_id("aea89b9f-9beb-4076-83eb-98f3666e2ce0")
    def test_several_sources(self) -> None:
        here = self.images.make(self.source)
        there = self.images.make(self.target)
        wanted = sync(here["id"], there["id"], source=self.regions, target=["*"])
        status, items = self.run_job(wanted)
        self.assertEqual(SUCCESS, status)
        item = self.item_of(items, here["id"], self.target)
        self.assertEqual((self.source, "created"), (item["source_region"], item["reason"]))
        item = self.item_of(items, there["id"], self.source)
        self.assertEqual((self.target, "created"), (item["source_region"], item["reason"]))

    @decorators.idempotent_id("fdbc9fad-7ca1-40d0-a57b-1d4b47cf1251")
    def test_pages(self) -> None:
        ids = [self.images.make(self.source, None)["id"] for _ in range(3)]
        jobs = []
        for image_id in ids:
            wanted = sync(image_id, source=self.source, target=[self.target], dry_run=True)
            jobs.append(self.start(wanted))
        for job_id in jobs:
            self.wait(job_id)
        newest = self.client.list_sync_jobs(limit=1)
        self.assertEqual([jobs[2]], [job["id"] for job in newest["job_set"]])
        self.assertEqual(["next"], [link["rel"] for link in newest["links"]])
        rest = self.client.list_sync_jobs(marker=jobs[2], limit=2, status=SUCCESS)
        self.assertEqual([jobs[1], jobs[0]], [job["id"] for job in rest["job_set"]])
        turned = self.client.list_sync_jobs(sort_key="created_at", sort_dir="asc")["job_set"]
        self.assertEqual(jobs, [job["id"] for job in turned if job["id"] in jobs])

    @decorators.idempotent_id("c835afaf-8c8e-472d-9cf2-d9866f371425")
    def test_pages_of_items(self) -> None:
        ids = [self.images.make(self.source, None)["id"] for _ in range(3)]
        job_id = self.start(sync(*ids, source=self.source, target=[self.target]))
        self.wait(job_id)
        first = self.client.show_sync_job(job_id, limit=2, sort_key="resource")
        self.assertEqual(sorted(ids)[:2], [item["resource"] for item in first["job_set"]])
        marker = first["job_set"][-1]["id"]
        second = self.client.show_sync_job(job_id, marker=marker, sort_key="resource")
        self.assertEqual(sorted(ids)[2:], [item["resource"] for item in second["job_set"]])
        self.assertEqual({"created": 3}, second["job"]["outcomes"])
        every = self.items_of(job_id, limit=2, sort_key="resource")
        self.assertEqual(sorted(ids), [item["resource"] for item in every])
