"""Tests of the state of images, and of jobs in detail."""

from typing import Any, ClassVar

from tempest.lib import decorators, exceptions
from tempest.lib.common.utils import data_utils

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import FAILURE, SUCCESS, sync


class SyncStateTest(base.BaseSyncTest):
    """Reading the state as a member.

    :cvar states: the member's client.
    """

    states: ClassVar[Any]

    @classmethod
    def setup_clients(cls) -> None:
        """Create the member's clients."""
        super().setup_clients()
        cls.states = cls.os_primary.kingbird_v1.SyncStateClient()

    @decorators.idempotent_id("5d1c1f0e-2a6b-4a6e-9a0a-3f6f6a1f7f51")
    def test_an_image_that_differs(self) -> None:
        image = self.images.make(self.source, os_distro="plan9")
        self.images.make(self.target, id=image["id"], name=image["name"], os_distro="inferno")
        wanted = sync(image["id"], source=self.source, target=[self.target])
        job_id = self.start(wanted)
        status, _ = self.wait(job_id)
        self.assertEqual(FAILURE, status)
        values = {"os_distro": {"source": "plan9", "target": "inferno"}}
        found = self.states.list_sync_state(name=image["name"], region=self.target)
        (stored,) = found["images"]
        self.assertEqual((image["id"], self.source), (stored["id"], stored["source_region"]))
        cell = stored["cells"][self.target]
        self.assertEqual(("drift", values, job_id), (cell["state"], cell["fields"], cell["job"]))
        self.assertGreaterEqual(found["regions"][self.target]["drift"], 1)
        live = self.states.show_sync_state(image["id"])["image"]["cells"]
        self.assertEqual("same", live[self.source]["state"])
        self.assertEqual(
            ("drift", values), (live[self.target]["state"], live[self.target]["fields"])
        )
        # In order again, it has no state.
        status, _ = self.run_job({**wanted, "on_drift": "update"})
        self.assertEqual(SUCCESS, status)
        self.assertEqual([], self.states.list_sync_state(name=image["name"])["images"])

    @decorators.idempotent_id("0b2f2c57-4d4c-4a57-8d0f-6d5a6f9f0c3e")
    def test_what_is_refused(self) -> None:
        for query in ({"state": "green"}, {"sort": "age"}, {"limit": 0}, {"colour": "red"}):
            self.assertRaises(exceptions.BadRequest, self.states.list_sync_state, **query)
        self.assertRaises(exceptions.Forbidden, self.states.list_sync_state, all_projects="true")
        self.assertRaises(exceptions.NotFound, self.states.show_sync_state, data_utils.rand_uuid())

    @decorators.idempotent_id("f4a5b0c9-6d1b-4f0b-8d5e-1f7f0c8e2b64")
    def test_details_of_a_job(self) -> None:
        image = self.images.make(self.source, None)
        job_id = self.start(sync(image["id"], source=self.source, target=[self.target]))
        self.wait(job_id)
        listed = self.client.list_sync_jobs_detail(limit=5)["job_set"]
        (job,) = (job for job in listed if job["id"] == job_id)
        self.assertEqual(("ended", "user"), (job["phase"], job["origin"]))
        self.assertEqual({"created": 1}, job["outcomes"])
        # No region is away, and the job has ended.
        self.assertEqual([], job["waits_for"])
        self.assertEqual([image["id"]], job["request"][0]["resources"])
        shown = self.client.show_sync_job(job_id, resource=image["id"], target_region=self.target)
        self.assertEqual([], shown["job"]["waits_for"])
        self.assertEqual([image["name"]], [item["resource_name"] for item in shown["job_set"]])
