"""Tests of invalid requests."""

from typing import Any

from tempest.lib import decorators, exceptions
from tempest.lib.common.utils import data_utils

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import SUCCESS, sync


class SyncJobsNegativeTest(base.BaseSyncTest):
    """Requests that are refused and must have no effect."""

    def _refused(self, error: type[Exception], body: Any) -> str:
        before = self.client.list_sync_jobs()["job_set"]
        refused = self.assertRaises(error, self.client.create_from_body, body)
        self.assertEqual(before, self.client.list_sync_jobs()["job_set"])
        return str(refused)

    def _wrong(self, **fields: Any) -> str:
        """Request a set with some fields changed, or left out if ``None``."""
        good = sync(data_utils.rand_uuid(), source=self.source, target=[self.target])
        changed = {name: value for name, value in {**good, **fields}.items() if value is not None}
        return self._refused(exceptions.BadRequest, {"resource_set": changed})

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("8cc29ca3-9542-4efd-bb14-c8d4aa2cbd0e")
    def test_create_with_a_field_missing(self) -> None:
        for name in ("resource_type", "resources", "source", "target"):
            self.assertIn(name, self._wrong(**{name: None}))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("8aeaec38-0b76-4d2f-a4f0-5aceb09c9b10")
    def test_create_with_a_field_empty(self) -> None:
        for name in ("resources", "source", "target"):
            self.assertIn(name, self._wrong(**{name: []}))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("b2826f98-f566-43db-9b8f-3579bf9748be")
    def test_create_with_wrong_values(self) -> None:
        self.assertIn("resource_type", self._wrong(resource_type="server"))
        self.assertIn("resources[0]", self._wrong(resources=["no-uuid"]))
        self.assertIn("force", self._wrong(force="perhaps"))
        self.assertIn("unheard_of", self._wrong(unheard_of=1))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("7162ff82-781c-41a9-a897-c7c08b627289")
    def test_create_with_wrong_shapes(self) -> None:
        bodies: list[Any] = [[], {}, {"resource_set": []}, {"resource_set": {"Sync": []}}]
        for body in bodies:
            self._refused(exceptions.BadRequest, body)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("c6ea34ad-1f27-4cbf-a49f-e31087da5bb4")
    def test_create_with_an_unknown_region(self) -> None:
        self.assertIn("Nowhere", self._wrong(source="Nowhere"))
        self.assertIn("Nowhere", self._wrong(target=[self.target, "Nowhere"]))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("499c1de0-c3c0-4080-b931-fd44c76cbce6")
    def test_create_with_the_source_as_target(self) -> None:
        self.assertIn(self.source, self._wrong(target=[self.source]))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("caa46e07-b058-4f4d-a7bd-3ef6be52e573")
    def test_create_with_an_image_that_is_not_there(self) -> None:
        image_id = data_utils.rand_uuid()
        wanted = sync(image_id, source=self.source, target=[self.target])
        self.assertIn(image_id, self._refused(exceptions.NotFound, {"resource_set": wanted}))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("514be709-4a82-457f-a75b-e1b6e72ec8c4")
    def test_create_with_an_image_of_another_region(self) -> None:
        image = self.images.make(self.target, None)
        wanted = sync(image["id"], source=self.source, target=[self.target])
        self._refused(exceptions.NotFound, {"resource_set": wanted})

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("f6d76737-3ef1-4be1-986c-5a39723675f6")
    def test_list_with_a_wrong_query(self) -> None:
        for query in ({"limit": -1}, {"sort_key": "colour"}, {"marker": "x"}, {"colour": "red"}):
            self.assertRaises(exceptions.BadRequest, self.client.list_sync_jobs, **query)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("4707cc21-5af6-4f86-a429-5d1faeff5ddf")
    def test_show_a_job_that_is_not_there(self) -> None:
        job_id = data_utils.rand_uuid()
        self.assertRaises(exceptions.NotFound, self.client.show_sync_job, job_id)
        self.assertRaises(exceptions.BadRequest, self.client.show_sync_job, "no-uuid")

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("63207873-2e23-4c19-b4dd-53934e85d34a")
    def test_delete_an_active_job(self) -> None:
        job_id = self.long_job()
        self.assertRaises(exceptions.NotAcceptable, self.client.delete_sync_job, job_id)
        # The job continues.
        status, items = self.wait(job_id)
        self.assertEqual(SUCCESS, status)
        self.assertEqual(20 * len(self.targets), len(items))

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("c0cab305-baf6-43e1-bbaf-cfc62ce133ae")
    def test_delete_a_job_twice(self) -> None:
        image = self.images.make(self.source, None)
        job_id = self.start(sync(image["id"], source=self.source, target=[self.target]))
        self.wait(job_id)
        self.client.delete_sync_job(job_id)
        self.assertRaises(exceptions.NotFound, self.client.delete_sync_job, job_id)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("1646f481-2a1f-4483-a8b0-c5367a38e8e3")
    def test_cancel_and_retry_a_job_that_succeeded(self) -> None:
        image = self.images.make(self.source, None)
        job_id = self.start(sync(image["id"], source=self.source, target=[self.target]))
        self.wait(job_id)
        self.assertRaises(exceptions.Conflict, self.client.cancel_sync_job, job_id)
        self.assertRaises(exceptions.Conflict, self.client.retry_sync_job, job_id)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("6d5d8689-d329-4c84-a136-c6ffbc37d122")
    def test_retry_an_active_job(self) -> None:
        job_id = self.long_job()
        self.assertRaises(exceptions.Conflict, self.client.retry_sync_job, job_id)

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("9d9087b0-2ad9-44a5-92bf-879dde3c33b8")
    def test_without_a_token(self) -> None:
        url = f"{self.client.base_url}/{self.client.project_id}/os-sync"
        for headers in ({}, {"X-Auth-Token": "nonsense"}):
            for method in ("GET", "POST"):
                resp, _ = self.client.raw_request(url, method, headers=headers)
                self.assertEqual(401, resp.status)
