"""Tests of version discovery."""

from tempest.lib import decorators

from kingbird_tempest_plugin.tests import base


class VersionsTest(base.BaseSyncTest):
    """Version discovery without a token."""

    @classmethod
    def setup_clients(cls) -> None:
        """Create the client, which needs no token."""
        super().setup_clients()
        cls.versions_client = cls.os_primary.kingbird_v1.VersionsClient()

    @decorators.idempotent_id("e5824a18-0d35-4a45-8f53-59e9bec2cb41")
    def test_list_versions(self) -> None:
        versions = self.versions_client.list_versions()["versions"]
        self.assertIn("v1.0", [version["id"] for version in versions])

    @decorators.idempotent_id("ed3b793f-8047-457f-9452-9ee791da15ce")
    def test_show_version(self) -> None:
        version = self.versions_client.show_version()["version"]
        self.assertEqual("v1.0", version["id"])
        self.assertEqual("CURRENT", version["status"])
