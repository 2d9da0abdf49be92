"""The contract of the real Glance for imports of data from other regions."""

from typing import Any

from kingbird.clients.glance import GLANCE_DOWNLOAD
from kingbird.sync import arrival
from kingbird.sync.arrival import Arrival
from kingbird.tests.functional.contract_scenes import Scene, new_id, refusal
from kingbird.tests.functional.people import RAW, Image
from kingbird.tests.waiting import eventually


def ask(scene: Scene, image: Image, source_id: str, user: str = "demo") -> None:
    scene.images(user).import_data(
        image["id"], region="RegionOne", source_id=source_id, interface="public"
    )


def settled(scene: Scene, image: Image) -> Image:
    """Wait until the import of an image has ended, and return the image."""

    def look() -> Image | None:
        scene.run_imports()
        shown = scene.images("demo").get(image["id"])
        assert shown is not None
        is_coming = arrival.is_being_imported(shown) or shown.get(arrival.LOCK)
        return None if is_coming else shown

    found: Image = eventually("the import ends", look)
    return found


class TestImports:
    def test_the_methods(self, scene: Scene) -> None:
        assert GLANCE_DOWNLOAD in scene.images("reader").import_methods()

    def test_a_record_without_formats(self, scene: Scene) -> None:
        image = scene.images("demo").create({"name": "no formats"})
        assert refusal(ask, scene, image, new_id()).status == 409

    def test_rights(self, scene: Scene) -> None:
        image = scene.images("demo").create({"visibility": "private", **RAW})
        assert refusal(ask, scene, image, new_id(), "reader").status == 403
        assert refusal(ask, scene, image, new_id(), "other").status == 404

    def test_an_image_that_has_data(self, scene: Scene) -> None:
        image = scene.upload(scene.images("demo").create(RAW), b"data")
        assert refusal(ask, scene, image, new_id()).status == 409
        assert arrival.classify(image, asked=True) is Arrival.ARRIVED

    def test_an_early_failure(self, scene: Scene) -> None:
        """There is no source, and another import can be asked for at once."""
        image = scene.images("demo").create(RAW)
        assert arrival.classify(image, asked=False) is Arrival.IDLE
        for number in (1, 2):
            ask(scene, image, new_id())
            after = settled(scene, image)
            assert arrival.classify(after, asked=True) is Arrival.EARLY_FAILURE

            def ended(expected: int = number) -> list[dict[str, Any]]:
                tasks = scene.images("demo").list_import_tasks(image["id"])
                done = [one for one in tasks if one["status"] == "failure"]
                return tasks if len(done) == expected else []

            tasks = eventually("the task ends", ended)
            assert {"id", "status", "created_at", "updated_at", "message"} <= set(tasks[0])

    def test_data_arrive(self, scene: Scene) -> None:
        source = scene.upload(scene.images("demo").create(RAW), b"data")
        image = scene.images("demo").create(RAW)
        ask(scene, image, source["id"])
        again = refusal(ask, scene, image, source["id"])
        assert again.status == 409
        after = settled(scene, image)
        assert arrival.classify(after, asked=True) is Arrival.ARRIVED
        fields = ("size", "checksum", "os_hash_algo", "os_hash_value", "disk_format")
        assert [after[name] for name in fields] == [source[name] for name in fields]
