"""Tests of images by id in all other regions."""

from tempest.lib import decorators

from kingbird_tempest_plugin.tests import base
from kingbird_tempest_plugin.tests.base import SUCCESS, Item, sync
from kingbird_tempest_plugin.tests.images import Image

REFERENCES = ("kernel_id", "ramdisk_id")


class NamedImagesTest(base.BaseSyncTest):
    """The main use: images by id to all other regions."""

    def _images(self) -> list[Image]:
        return [
            self.images.make(
                self.source,
                b"data",
                min_disk=2,
                min_ram=512,
                tags=["one", "two"],
                os_distro="plan9",
                hw_disk_bus="virtio",
                demo_note="<&> \N{SNOWMAN}",
            ),
            self.images.make(self.source, None, visibility="community"),
            self.images.make(self.source, None, os_hidden=True),
        ]

    def _sync(self, images: list[Image], *reasons: str, **options: bool) -> list[Item]:
        ids = [image["id"] for image in images]
        status, items = self.run_job(
            sync(*ids, source=self.source, target=self.targets, **options)
        )
        self.assertEqual(SUCCESS, status)
        self.assertEqual(len(images) * len(self.targets), len(items))
        self.assertEqual({*reasons}, {item["reason"] for item in items})
        return items

    @decorators.attr(type="smoke")
    @decorators.idempotent_id("6eacc87e-9a25-40dd-bc39-ee4766b534c1")
    def test_to_every_other_region(self) -> None:
        images = self._images()
        self._sync(images, "created")
        for image in images:
            for region in self.targets:
                record = self.images.see(region, image["id"])
                self.assert_copy(image, record)
                self.assertEqual(self.source, record["kingbird_source_region"])
            # The source is as it was.
            self.assertEqual(image, self.images.see(self.source, image["id"]))
        # A second job has nothing to do.  No copy has data, as some of the images.
        self._sync(images, "in_sync", "no_data")

    @decorators.idempotent_id("2d423e76-0c31-4d8f-9382-f91a115777c0")
    def test_to_every_other_region_with_force(self) -> None:
        images = self._images()
        items = self._sync(images, "created", force=True)
        for image in images:
            for region in self.targets:
                copy = self.item_of(items, image["id"], region)["target_resource"]
                self.assertNotEqual(image["id"], copy)
                self.assert_copy(image, self.images.see(region, copy))
                self.assertIsNone(self.images.get(region, image["id"]))
        # The same copies are found again.
        again = self._sync(images, "in_sync", "no_data", force=True)
        for image in images:
            for region in self.targets:
                self.assertEqual(
                    self.item_of(items, image["id"], region)["target_resource"],
                    self.item_of(again, image["id"], region)["target_resource"],
                )

    @decorators.idempotent_id("00644689-71b3-4e9d-bd4b-98245240e468")
    def test_with_force_beside_a_copy(self) -> None:
        image = self.images.make(self.source)
        self._sync([image], "created")
        items = self._sync([image], "created", force=True)
        for item in items:
            self.assertNotEqual(image["id"], item["target_resource"])
            region = item["target_region"]
            self.assert_copy(image, self.images.see(region, image["id"]))
            self.assert_copy(image, self.images.see(region, item["target_resource"]))

    @decorators.idempotent_id("9d8c3670-16a2-4197-8227-0aa0a796270d")
    def test_an_ami_takes_kernel_and_ramdisk_along(self) -> None:
        for force in (False, True):
            ami, parts = self._ami()
            status, items = self.run_job(
                sync(ami["id"], source=self.source, target=self.targets, force=force)
            )
            self.assertEqual(SUCCESS, status)
            self.assertEqual(3 * len(self.targets), len(items))
            for region in self.targets:
                copies = {
                    name: self.item_of(items, part["id"], region)["target_resource"]
                    for name, part in parts.items()
                }
                for name, part in parts.items():
                    self.assert_copy(part, self.images.see(region, copies[name]))
                item = self.item_of(items, ami["id"], region)
                self.assertEqual(force, item["target_resource"] != ami["id"])
                record = self.images.see(region, item["target_resource"])
                self.assert_copy(ami, record)
                # References follow where a part has another id.
                self.assertEqual(copies, {name: record[name] for name in REFERENCES})

    def _ami(self) -> tuple[Image, dict[str, Image]]:
        formats = {"kernel_id": "aki", "ramdisk_id": "ari"}
        parts = {
            name: self.images.make(self.source, disk_format=kind, container_format=kind)
            for name, kind in formats.items()
        }
        references = {name: part["id"] for name, part in parts.items()}
        ami = self.images.make(
            self.source, disk_format="ami", container_format="ami", **references
        )
        return ami, parts
