"""The contract of the real Glance for updates."""

import time
import uuid
from typing import Any

import pytest

from kingbird import exception
from kingbird.tests.functional.contract_scenes import ASTRAL, Scene, new_id, refusal
from kingbird.tests.functional.people import RAW, Image


def op(operation: str, path: str, *value: Any) -> dict[str, Any]:
    return {"op": operation, "path": path, **({"value": value[0]} if value else {})}


UPDATE_REFUSED = [
    (op("replace", "/absent", "x"), 409, "Property absent does not exist."),
    (op("remove", "/absent"), 409, "Property absent does not exist."),
    (op("remove", "/name"), 403, "Property name may not be removed."),
    (op("remove", "/tags"), 403, "Property tags may not be removed."),
    (op("replace", "/owner", "somebody"), 403, "Owner can't be updated by non admin."),
    (op("add", "/visibility", "public"), 403, "publicize_image action."),
    (op("add", "/status", "active"), 403, "Attribute 'status' is read-only."),
    (op("add", "/id", str(uuid.uuid4())), 403, "Attribute 'id' is read-only."),
    (op("add", "/os_hash_value", "x"), 403, "Attribute 'os_hash_value' is read-only."),
    (op("add", "/direct_url", "x"), 403, "Attribute 'direct_url' is read-only."),
    (op("add", "/os_glance_x", "x"), 403, "Attribute 'os_glance_x' is reserved."),
    (op("add", "/deleted", "x"), 403, "Attribute 'deleted' is reserved."),
    (op("replace", "/locations", []), 403, "Cannot set locations to empty list."),
    (op("add", "/property", None), 400, "None is not of type 'string'"),
    (op("add", "/property", 3), 400, "3 is not of type 'string'"),
    (op("add", "/protected", "x"), 400, "'x' is not of type 'boolean'"),
    (op("add", "/min_disk", -1), 400, "Cannot be a negative value"),
    (op("add", "/min_disk", 2**31), 400, "must not exceed 2147483647"),
    (op("add", "/name", ASTRAL), 400, "Name can't contain 4 byte unicode characters."),
    (op("add", "/property", ASTRAL), 400, "Property can't contain 4 byte unicode characters."),
    (op("add", "/tags", [str(n) for n in range(129)]), 413, "Attempted: 129, Maximum: 128"),
    (op("add", "/tags/-", "x"), 400, "Invalid JSON pointer for this resource: '/tags/-'"),
    (op("add", "/a/b", "x"), 400, "Invalid JSON pointer for this resource: '/a/b'"),
    (op("add", "property", "x"), 400, 'does not start with "/"'),
    (op("add", "/a~2b", "x"), 400, 'contains "~" not part of'),
    (op("add", "/property"), 400, 'requires a member named "value"'),
    (op("move", "/property"), 400, "Invalid operation: `move`."),
    ({"op": "add"}, 400, "Unable to find 'path'"),
    ({"path": "/property"}, 400, "Unable to find `op`"),
    ("add", 400, "Operations must be JSON objects."),
    (op("remove", "/delete"), 403, "Property delete may not be removed."),
    (op("remove", "/__class__"), 403, "Property __class__ may not be removed."),
    (op("add", "/image_id", "x"), 404, "No image found with ID x"),
    (op("add", "/visibility ", "x"), 400, "'x' is not one of"),
]


class TestStatus:
    """The calls that begin and end a quarantine."""

    def test_the_owner_begins_and_ends_it_as_often_as_it_asks(self, scene: Scene) -> None:
        images = scene.images("demo")
        image = scene.upload(images.create(RAW), b"x")
        for active, status in ((False, "deactivated"), (True, "active")):
            for _ in range(2):
                images.set_active(image["id"], active)
                found = images.get(image["id"]) or {}
                assert found["status"] == status
                # All else is as it was.  Glance tells where the data are while it is active.
                names = image.keys() - {"status", "updated_at", "direct_url", "stores"}
                assert {name: found.get(name) for name in names} == {
                    name: image[name] for name in names
                }

    @pytest.mark.parametrize("action", ["deactivate", "reactivate"])
    def test_an_image_without_data_has_none(self, scene: Scene, action: str) -> None:
        images = scene.images("demo")
        image = images.create(RAW)
        refused = refusal(images.set_active, image["id"], action == "reactivate")
        assert refused.status == 403
        assert f"Not allowed to {action} image in status 'queued'" in refused.message

    def test_only_members_of_the_owner_may(self, scene: Scene) -> None:
        images = scene.images("demo")
        image = scene.upload(images.create({**RAW, "visibility": "community"}), b"x")
        for user in ("reader", "other"):
            assert refusal(scene.images(user).set_active, image["id"], False).status == 403
        assert refusal(images.set_active, new_id(), False).status == 404
        scene.images("admin").set_active(image["id"], False)


class TestUpdate:
    @pytest.mark.parametrize(("change", "status", "words"), UPDATE_REFUSED)
    def test_refused_completely(self, scene: Scene, change: Any, status: int, words: str) -> None:
        image = scene.images("demo").create({"name": "old", "kept": "old", "tags": ["old"]})
        changes = [op("add", "/kept", "new"), op("replace", "/tags", ["new"]), change]
        error = refusal(scene.images("demo").update, image["id"], changes)
        assert error.status == status
        assert words in error.message
        assert scene.images("demo").get(image["id"]) == image

    def test_tags_that_cant_be_stored_leave_the_rest_changed(self, scene: Scene) -> None:
        image = scene.images("demo").create({"name": "old", "tags": ["old"]})
        changes = [op("add", "/name", "new"), op("replace", "/tags", ["good", ASTRAL])]
        assert refusal(scene.images("demo").update, image["id"], changes).status == 400
        left = scene.images("demo").get(image["id"])
        assert left is not None
        assert (left["name"], left["tags"]) == ("new", ["old"])

    def test_operations(self, scene: Scene) -> None:
        image = scene.images("demo").create({"old": "1", "gone": "1", "tags": ["a"]})
        changes = [
            op("add", "/old", "2"),
            op("add", "/new", "3"),
            op("replace", "/new", "4"),
            op("remove", "/gone"),
            op("add", "/a~1b~0c", "5"),
            op("replace", "/tags", ["b", "c", "b"]),
            op("add", "/name", "renamed"),
            op("replace", "/visibility", "community"),
            op("add", "/os_hidden", True),
            op("add", "/protected", True),
            op("add", "/min_disk", 7),
            op("add", "/disk_format", "raw"),
        ]
        updated = scene.images("demo").update(image["id"], changes)
        assert sorted(updated["tags"]) == ["b", "c"]
        assert {**updated, "tags": []} == {
            **{name: value for name, value in image.items() if name != "gone"},
            "old": "2",
            "new": "4",
            "a/b~c": "5",
            "tags": [],
            "name": "renamed",
            "visibility": "community",
            "os_hidden": True,
            "protected": True,
            "min_disk": 7,
            "disk_format": "raw",
            "updated_at": updated["updated_at"],
        }

    @pytest.mark.parametrize(
        "blank", [" ", "\t", "\n", "\x1f", "\x85", "\xa0", "\u2028", "\u3000"]
    )
    def test_blanks_around_a_name_are_stripped(self, scene: Scene, blank: str) -> None:
        names = f"{blank}os_x", f"os_x{blank}", f"name{blank}"
        image = scene.images("demo").create(dict.fromkeys(names, "1"))
        changes = [op("add", f"/{names[0]}", "2"), op("add", f"/{names[2]}", "other")]
        updated = scene.images("demo").update(image["id"], changes)
        assert [updated[name] for name in names] == ["1", "1", "1"]
        assert (updated["os_x"], updated["name"]) == ("2", "other")
        left = scene.images("demo").update(image["id"], [op("remove", f"/{names[1]}")])
        assert "os_x" not in left
        assert left[names[1]] == "1"

    @pytest.mark.parametrize("name", ["delete", "get_data", "context", "_abc_impl", "__init__"])
    @pytest.mark.parametrize("operation", ["add", "replace"])
    def test_names_of_attributes_are_lost(self, scene: Scene, name: str, operation: str) -> None:
        image = scene.images("demo").create({name: "1", "other": "1"})
        changes = [op(operation, f"/{name}", "2"), op("add", "/other", "2")]
        updated = scene.images("demo").update(image["id"], changes)
        assert (updated.get(name), updated["other"]) == ("1", "2")

    @pytest.mark.parametrize("name", ["base", "extra_properties", "__class__"])
    def test_names_of_attributes_that_break(self, scene: Scene, name: str) -> None:
        image = scene.images("demo").create({name: "1", "other": "1"})
        with pytest.raises(exception.RegionUnavailable) as caught:
            scene.images("demo").update(image["id"], [op("add", f"/{name}", "2")])
        assert caught.value.status == 500
        assert scene.images("demo").get(image["id"]) == image

    def test_values_that_are_taken_away(self, scene: Scene) -> None:
        image = scene.images("demo").create({**RAW, "name": "old", "tags": ["old"]})
        changes = [
            op("add", "/name", None),
            op("replace", "/tags", []),
            op("add", "/disk_format", None),
            op("replace", "/container_format", None),
        ]
        updated = scene.images("demo").update(image["id"], changes)
        empty: Image = {"name": None, "tags": [], "disk_format": None, "container_format": None}
        assert updated == {**image, **empty, "updated_at": updated["updated_at"]}

    def test_visibilities(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        scene.share(image, "other", "accepted")

        def change(user: str, visibility: str) -> str:
            changes = [op("replace", "/visibility", visibility)]
            return str(scene.images(user).update(image["id"], changes)["visibility"])

        assert change("demo", "private") == "private"
        assert scene.images("other").get(image["id"]) is None
        # Shares stay when the visibility changes.
        assert change("demo", "shared") == "shared"
        assert scene.images("other").get(image["id"]) is not None
        assert change("admin", "public") == "public"
        # The owner may change a public image, but may not set "public" again.
        assert refusal(change, "demo", "public").status == 403
        named = scene.images("demo").update(image["id"], [op("add", "/name", "new")])
        assert (named["name"], named["visibility"]) == ("new", "public")
        assert change("demo", "community") == "community"

    def test_a_change_that_changes_nothing_moves_the_time(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        time.sleep(1.01)
        updated = scene.images("demo").update(image["id"], [op("replace", "/min_ram", 0)])
        assert updated["updated_at"] > image["updated_at"]
        assert updated["created_at"] == image["created_at"]

    def test_the_property_quota_counts_new_ones(self, scene: Scene) -> None:
        image = scene.images("demo").create({f"p{n}": "x" for n in range(128)})
        scene.images("demo").update(image["id"], [op("add", "/p0", "changed")])
        error = refusal(scene.images("demo").update, image["id"], [op("add", "/one-more", "x")])
        assert error.status == 413
        assert "Attempted: 129, Maximum: 128" in error.message

    def test_nothing_to_do(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        assert scene.images("demo").update(image["id"], []) == image

    def test_a_body_that_is_no_list(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        error = refusal(scene.images("demo").update, image["id"], {})
        assert error.status == 400

    def test_formats_of_an_image_with_data_stay(self, scene: Scene) -> None:
        image = scene.upload(scene.images("demo").create(RAW), b"x")
        for name, value in (("disk_format", "qcow2"), ("disk_format", "raw")):
            error = refusal(
                scene.images("demo").update, image["id"], [op("replace", f"/{name}", value)]
            )
            assert error.status == 403
            assert f"Attribute {name} can be only replaced" in error.message
        assert scene.images("demo").update(image["id"], [op("add", "/min_ram", 1)])

    def test_images_of_others(self, scene: Scene) -> None:
        changes = [op("add", "/property", "x")]
        private = scene.images("demo").create({"visibility": "private"})["id"]
        community = scene.images("demo").create({"visibility": "community"})["id"]
        shared = scene.images("demo").create({})
        scene.share(shared, "other", "accepted")
        assert refusal(scene.images("other").update, private, changes).status == 404
        assert refusal(scene.images("other").update, new_id(), changes).status == 404
        assert refusal(scene.images("other").update, community, changes).status == 403
        assert refusal(scene.images("other").update, shared["id"], changes).status == 403
        assert refusal(scene.images("reader").update, private, changes).status == 403
        for image_id in (private, community, shared["id"]):
            assert scene.images("admin").update(image_id, changes)["property"] == "x"

    def test_an_admin_changes_the_owner(self, scene: Scene) -> None:
        image = scene.images("demo").create({"visibility": "private"})
        changes = [op("replace", "/owner", scene.project("other")), op("add", "/min_ram", 1)]
        updated = scene.images("admin").update(image["id"], changes)
        assert updated["owner"] == scene.project("other")
        assert scene.images("demo").get(image["id"]) is None

    def test_a_member_gives_its_image_away_by_add(self, scene: Scene) -> None:
        # Glance refuses "replace" but carries "add" out and then answers 403.
        image = scene.images("demo").create({"visibility": "private"})
        changes = [op("add", "/owner", "somebody")]
        error = refusal(scene.images("demo").update, image["id"], changes)
        assert error.status == 403
        given = scene.images("admin").get(image["id"])
        assert given is not None
        assert given["owner"] == "somebody"

    def test_a_deleted_image(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        scene.delete(image)
        assert refusal(scene.images("demo").update, image["id"], []).status == 404

    def test_a_protected_image_is_not_deleted(self, scene: Scene) -> None:
        image = scene.images("demo").create({"protected": True})
        with pytest.raises(Exception, match=r"403|protected"):
            scene.delete(image)
        assert scene.images("demo").get(image["id"]) is not None
