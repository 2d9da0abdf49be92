"""Tests of copies that differ from their source."""

from tempest.lib import decorators

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import FAILURE, SUCCESS, Set, sync
from kingbird_tempest_plugin.tests.images import Image


class DriftTest(base.BaseSyncTest):
    """Reporting and updating drifted copies."""

    def _drifted(self) -> tuple[Image, Set]:
        """Return an image whose copy differs, and the set of its sync."""
        image = self.images.make(self.source, min_ram=1, os_distro="plan9", tags=["one"])
        wanted = sync(image["id"], source=self.source, target=[self.target])
        status, _ = self.run_job(wanted)
        self.assertEqual(SUCCESS, status)
        changed = {"min_ram": 2, "os_distro": "inferno", "tags": ["two"], "demo_local": "here"}
        self.images.change(self.target, image["id"], **changed)
        return image, wanted

    @decorators.idempotent_id("b3ea614d-fb2a-4278-8424-0d5f121222cb")
    def test_report(self) -> None:
        image, wanted = self._drifted()
        before = self.images.see(self.target, image["id"])
        for options in ({}, {"on_drift": "report"}):
            status, items = self.run_job({**wanted, **options})
            self.assertEqual(FAILURE, status)
            item = self.item_of(items, image["id"], self.target)
            self.assertEqual((FAILURE, "drift"), (item["sync_status"], item["reason"]))
            for name in ("min_ram", "os_distro", "tags"):
                self.assertIn(name, item["message"])
            self.assertNotIn("min_disk", item["message"])
        self.assertEqual(before, self.images.see(self.target, image["id"]))

    @decorators.idempotent_id("770dec69-b5c7-4c51-9832-08d5ec395ab0")
    def test_update(self) -> None:
        image, wanted = self._drifted()
        status, items = self.run_job({**wanted, "on_drift": "update"})
        self.assertEqual((SUCCESS, "updated"), (status, items[0]["reason"]))
        record = self.images.see(self.target, image["id"])
        self.assert_copy(image, record)
        # Properties of only the copy stay, unless they are pruned.
        self.assertEqual("here", record["demo_local"])
        _, items = self.run_job({**wanted, "on_drift": "update", "prune": True})
        self.assertEqual("updated", items[0]["reason"])
        record = self.images.see(self.target, image["id"])
        self.assert_copy(image, record)
        self.assertNotIn("demo_local", record)
        _, items = self.run_job(wanted)
        self.assertEqual("no_data", items[0]["reason"])
