"""Tests of the wildcard, from one region or from all of them."""

from typing import Any

from tempest.lib import decorators

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import PLANNED, SUCCESS, Item, sync
from kingbird_tempest_plugin.tests.images import Image


class WholeRegionsTest(base.BaseSyncTest):
    """Jobs with ``*``.  The project may have other images than those of a test."""

    def _run(self, **options: Any) -> tuple[str, list[Item]]:
        return self.run_job(sync("*", **options))

    def _reasons(self, items: list[Item], images: list[Image]) -> dict[tuple[str, str], str]:
        ids = {image["id"] for image in images}
        return {
            (item["resource"], item["target_region"]): item["reason"]
            for item in items
            if item["resource"] in ids
        }

    @decorators.idempotent_id("bc7ba026-5a1f-4ed0-a81f-44efb5d11f6e")
    def test_one_region_to_all_others(self) -> None:
        images = [self.images.make(self.source, os_distro="plan9") for _ in range(3)]
        queued = self.images.make(self.source, None)
        status, items = self._run(source=self.source, target=["*"])
        self.assertEqual(SUCCESS, status)
        pairs = [(image["id"], region) for image in images for region in self.targets]
        # Without a filter, only images with data are selected.
        reasons = self._reasons(items, [*images, queued])
        self.assertEqual(dict.fromkeys(pairs, "created"), reasons)
        for image in images:
            for region in self.targets:
                self.assert_copy(image, self.images.see(region, image["id"]))
        # Copies that lack only their data are counted, and have no item each.
        job_id = self.start(sync("*", source=self.source, target=["*"]))
        status, items = self.wait(job_id)
        self.assertEqual((SUCCESS, {}), (status, self._reasons(items, images)))
        outcomes = self.client.show_sync_job(job_id)["job"]["outcomes"]
        self.assertGreaterEqual(outcomes["no_data"], len(pairs))

    @decorators.idempotent_id("87b0a74e-776a-47e5-9cef-6ea2962150e9")
    def test_any_to_any(self) -> None:
        images = {region: self.images.make(region) for region in self.regions}
        status, items = self._run(source="*", target=["*"])
        self.assertEqual(SUCCESS, status)
        expected = {}
        for home, image in images.items():
            for region in self.regions:
                if region == home:
                    self.assertEqual(image, self.images.see(region, image["id"]))
                else:
                    expected[image["id"], region] = "created"
                    record = self.images.see(region, image["id"])
                    self.assert_copy(image, record)
                    self.assertEqual(home, record["kingbird_source_region"])
        self.assertEqual(expected, self._reasons(items, list(images.values())))

    @decorators.idempotent_id("d0ac0caa-0a7d-4c49-aacb-e91d268276dd")
    def test_dry_run(self) -> None:
        missing = self.images.make(self.source)
        drifted = self.images.make(self.source, os_distro="plan9")
        fields = {name: drifted[name] for name in ("id", "name")}
        there = self.images.make(self.target, None, **fields, os_distro="inferno")
        both = [missing, drifted]
        status, items = self._run(source=self.source, target=[self.target], dry_run=True)
        self.assertEqual(SUCCESS, status)
        self.assertEqual({PLANNED}, {item["sync_status"] for item in items})
        planned = {
            (missing["id"], self.target): "missing",
            (drifted["id"], self.target): "drift",
        }
        self.assertEqual(planned, self._reasons(items, both))
        self.assertIsNone(self.images.get(self.target, missing["id"]))
        self.assertEqual(there, self.images.see(self.target, drifted["id"]))

    @decorators.idempotent_id("96a34093-3936-45f8-bf42-c4c4ab0772ad")
    def test_filters(self) -> None:
        wanted = self.images.make(self.source, tags=["golden"], os_distro="plan9")
        others = [
            self.images.make(self.source, os_distro="plan9"),
            self.images.make(self.source, tags=["golden"], os_distro="inferno"),
        ]
        filters = {"tag": "golden", "property": {"os_distro": "plan9"}}
        status, items = self._run(source=self.source, target=[self.target], filters=filters)
        self.assertEqual(SUCCESS, status)
        reasons = self._reasons(items, [wanted, *others])
        self.assertEqual({(wanted["id"], self.target): "created"}, reasons)
        for image in others:
            self.assertIsNone(self.images.get(self.target, image["id"]))
