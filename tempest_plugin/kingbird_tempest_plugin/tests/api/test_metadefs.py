"""Tests of jobs about namespaces of metadata definitions."""

from typing import Any, ClassVar

from tempest import config
from tempest.lib import decorators, exceptions
from tempest.lib.common.utils import test_utils
from tempest.lib.services.image.v2 import namespaces_client

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import FAILURE, SUCCESS
from kingbird_tempest_plugin.tests.images import unique


class MetadefsTest(base.BaseSyncTest):
    """An admin, who may sync definitions, and a member, who may not.

    :cvar admin: the admin's client.
    :cvar states: the admin's client of the stored state; likewise ``their_states`` of the member.
    :cvar definitions: the admin's clients of namespaces, by region.
    """

    credentials = ["primary", "project_admin"]
    admin: ClassVar[Any]
    states: ClassVar[Any]
    their_states: ClassVar[Any]
    definitions: ClassVar[dict[str, Any]]

    @classmethod
    def setup_clients(cls) -> None:
        """Create the clients."""
        super().setup_clients()
        cls.admin = cls.os_project_admin.kingbird_v1.SyncJobsClient()
        cls.states = cls.os_project_admin.kingbird_v1.SyncStateClient()
        cls.their_states = cls.os_primary.kingbird_v1.SyncStateClient()

    @classmethod
    def resource_setup(cls) -> None:
        """Create a client of each region's namespaces."""
        super().resource_setup()
        params = config.service_client_config("image")
        cls.definitions = {
            region: namespaces_client.NamespacesClient(
                cls.os_project_admin.auth_provider, **{**params, "region": region}
            )
            for region in cls.regions
        }

    def _make(self, **fields: Any) -> tuple[str, base.Set]:
        """Create a namespace in the first region; return its name, and the set of its sync."""
        name = unique("OS::Kingbird")
        for client in self.definitions.values():
            self.addCleanup(test_utils.call_and_ignore_notfound_exc, client.delete_namespace, name)
        self.definitions[self.source].create_namespace(
            namespace=name, visibility="public", **fields
        )
        return name, {
            "resource_type": "metadef",
            "resources": [name],
            "source": self.source,
            "target": [self.target],
        }

    @decorators.idempotent_id("6f0b3a52-9e1d-4c0a-8a57-0e4b1d2c7f93")
    def test_a_namespace_is_created_and_followed(self) -> None:
        name, wanted = self._make(description="one")
        status, (item,) = self.run_job(wanted, client=self.admin)
        self.assertEqual((SUCCESS, "created"), (status, item["reason"]))
        self.assertEqual((name, "metadef"), (item["resource"], item["resource_type"]))
        target = self.definitions[self.target]
        self.assertEqual("one", target.show_namespace(name)["description"])
        target.update_namespace(name, visibility="public", description="two")
        status, (item,) = self.run_job(wanted, client=self.admin)
        values = {"description": {"source": "one", "target": "two"}}
        self.assertEqual((FAILURE, "drift", values), (status, item["reason"], item["fields"]))
        query = {"resource_type": "metadef", "name": name}
        (stored,) = self.states.list_sync_state(**query)["images"]
        self.assertEqual(("metadef", name), (stored["resource_type"], stored["id"]))
        cell = stored["cells"][self.target]
        self.assertEqual(("drift", values), (cell["state"], cell["fields"]))
        status, (item,) = self.run_job({**wanted, "on_drift": "update"}, client=self.admin)
        self.assertEqual((SUCCESS, "updated"), (status, item["reason"]))
        self.assertEqual("one", target.show_namespace(name)["description"])
        self.assertEqual([], self.states.list_sync_state(**query)["images"])

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("b7c4e1d8-3f25-4a69-9c80-5d1e7a2f4b06")
    def test_no_member_may(self) -> None:
        _, wanted = self._make()
        self.assertRaises(exceptions.Forbidden, self.client.create_sync_job, wanted)
        self.assertRaises(
            exceptions.Forbidden, self.their_states.list_sync_state, resource_type="metadef"
        )

    @decorators.attr(type=["negative"])
    @decorators.idempotent_id("2e9d5c70-81b6-4f3e-a7d4-c3f08b6e1a25")
    def test_no_options_of_images_are_taken(self) -> None:
        _, wanted = self._make()
        for options in ({"data": "import"}, {"force": True}, {"filters": {"name": "a"}}):
            self.assertRaises(
                exceptions.BadRequest, self.admin.create_sync_job, {**wanted, **options}
            )
