"""Tests of the members of shared images."""

from typing import Any, ClassVar

from tempest import config
from tempest.lib import decorators
from tempest.lib.common.utils import data_utils
from tempest.lib.services.image.v2 import image_members_client

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import FAILURE, SUCCESS, sync


class MembersTest(base.BaseSyncTest):
    """Copies that get the members of their source, and lose others.

    :cvar shares: the member's clients of image members, by region.
    """

    shares: ClassVar[dict[str, Any]]

    @classmethod
    def resource_setup(cls) -> None:
        """Create a client of each region's members."""
        super().resource_setup()
        params = config.service_client_config("image")
        cls.shares = {
            region: image_members_client.ImageMembersClient(
                cls.os_primary.auth_provider, **{**params, "region": region}
            )
            for region in cls.regions
        }

    def _members(self, image_id: str) -> set[str]:
        found = self.shares[self.target].list_image_members(image_id)["members"]
        return {each["member_id"] for each in found}

    @decorators.idempotent_id("c81f6d0a-4b37-4e52-9d19-7a60e2f5b3c4")
    def test_members_follow_and_are_given_back(self) -> None:
        first, later, extra = (data_utils.rand_uuid_hex() for _ in range(3))
        image_id = self.images.make(self.source, None, visibility="shared")["id"]
        source, target = self.shares[self.source], self.shares[self.target]
        source.create_image_member(image_id, member=first)
        wanted = sync(image_id, source=self.source, target=[self.target])
        status, _ = self.run_job(wanted)
        self.assertEqual((SUCCESS, {first}), (status, self._members(image_id)))
        source.create_image_member(image_id, member=later)
        target.create_image_member(image_id, member=extra)
        # Members that come and go later are no drift unless the set asks for them.
        status, _ = self.run_job(wanted)
        self.assertEqual(SUCCESS, status)
        wanted["members"] = "exact"
        status, (item,) = self.run_job(wanted)
        values = {"members": {"source": later, "target": extra}}
        self.assertEqual((FAILURE, "drift", values), (status, item["reason"], item["fields"]))
        wanted["on_drift"] = "update"
        status, (item,) = self.run_job({**wanted, "members": "add"})
        self.assertEqual((SUCCESS, "updated"), (status, item["reason"]))
        self.assertEqual({first, later, extra}, self._members(image_id))
        job_id = self.start(wanted)
        status, (item,) = self.wait(job_id)
        self.assertEqual((SUCCESS, "updated"), (status, item["reason"]))
        self.assertEqual({first, later}, self._members(image_id))
        undone = self.client.undo_sync_job(job_id)["job_status"]["id"]
        self.addCleanup(self._end_and_delete, self.client, undone)
        status, (item,) = self.wait(undone)
        self.assertEqual((SUCCESS, "undone"), (status, item["reason"]))
        self.assertEqual({first, later, extra}, self._members(image_id))
