"""The contract of the real Glance, which the double and the stand-in keep.

Here the tests run on the real one.  ``kingbird/tests/unit/doubles`` runs the same tests on the
others.  If they differ, the double is wrong, and so are the unit tests that use it.
"""

import hashlib
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest

from kingbird import exception
from kingbird.tests.functional.contract_scenes import ASTRAL, Scene, new_id, page, refusal
from kingbird.tests.functional.people import RAW, unique


class TestAnswers:
    def test_a_bare_record(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        times = image.pop("created_at"), image.pop("updated_at")
        assert times[0] == times[1]
        assert len(times[0]) == len("2026-11-22T10:00:00Z")
        assert image == {
            "id": image["id"],
            "name": None,
            "disk_format": None,
            "container_format": None,
            "visibility": "shared",
            "size": None,
            "virtual_size": None,
            "status": "queued",
            "checksum": None,
            "protected": False,
            "min_ram": 0,
            "min_disk": 0,
            "owner": scene.project("demo"),
            "os_hidden": False,
            "os_hash_algo": None,
            "os_hash_value": None,
            "tags": [],
            "self": f"/v2/images/{image['id']}",
            "file": f"/v2/images/{image['id']}/file",
            "schema": "/v2/schemas/image",
        }

    def test_a_full_record(self, scene: Scene) -> None:
        record: dict[str, Any] = {
            "id": new_id(),
            "name": unique(),
            "disk_format": "qcow2",
            "container_format": "bare",
            "visibility": "community",
            "protected": True,
            "min_ram": 512,
            "min_disk": 2**31 - 1,
            "os_hidden": True,
            "tags": ["one", "two"],
            "os_distro": "plan9",
            "": "a property with an empty name",
            "kernel_id": "no uuid",
        }
        created = scene.images("demo").create(record)
        created["tags"].sort()
        assert {name: created[name] for name in record} == record
        seen = scene.images("demo").get(record["id"])
        assert seen is not None
        seen["tags"].sort()
        assert seen == created

    def test_upper_case_ids_are_kept_and_are_images_of_their_own(self, scene: Scene) -> None:
        lower = new_id()
        upper = scene.images("demo").create({"id": lower.upper()})
        try:
            assert upper["id"] == lower.upper()
            assert scene.images("demo").get(lower) is None
            assert scene.images("demo").create({"id": lower})["id"] == lower
        finally:
            # Other tests count the lists of regions whose ids ascend.
            scene.delete(upper)

    def test_tags_are_a_set(self, scene: Scene) -> None:
        image = scene.images("demo").create({"tags": ["a", "b", "a"]})
        assert sorted(image["tags"]) == ["a", "b"]

    def test_hashes_are_dropped_without_a_word(self, scene: Scene) -> None:
        image = scene.images("demo").create({"os_hash_algo": "sha512", "os_hash_value": "00"})
        again = scene.images("demo").get(image["id"])
        assert again is not None
        assert (again["os_hash_algo"], again["os_hash_value"]) == (None, None)

    @pytest.mark.parametrize(
        ("formats", "virtual_size"), [("raw bare", 5), ("ami ami", None), ("aki aki", None)]
    )
    def test_data(self, scene: Scene, formats: str, virtual_size: int | None) -> None:
        disk, container = formats.split()
        image = scene.images("demo").create({"disk_format": disk, "container_format": container})
        active = scene.upload(image, b"bytes")
        assert active["status"] == "active"
        assert active["size"] == 5
        assert active["virtual_size"] == virtual_size
        assert active["checksum"] == hashlib.md5(b"bytes").hexdigest()
        assert active["os_hash_algo"] == "sha512"
        assert active["os_hash_value"] == hashlib.sha512(b"bytes").hexdigest()
        assert active["stores"] == "files"
        assert active["direct_url"].startswith("file:///")
        assert set(active) - set(image) == {"stores", "direct_url"}

    def test_a_deactivated_image_keeps_its_data(self, scene: Scene) -> None:
        active = scene.upload(scene.images("demo").create(RAW), b"x")
        assert scene.deactivate(active)["status"] == "deactivated"

    @pytest.mark.parametrize("data", [None, b"x"])
    def test_a_killed_image_is_shown_by_its_id_and_never_listed(
        self, scene: Scene, data: bytes | None
    ) -> None:
        images = scene.images("demo")
        image = images.create({**RAW, "visibility": "private"})
        if data is not None:
            image = scene.upload(image, data)
        scene.kill(image)
        seen = images.get(image["id"])
        assert seen is not None
        assert {**seen, "updated_at": 0} == {**image, "status": "killed", "updated_at": 0}
        for query in ((), (("status", "killed"),), (("id", f"in:{image['id']}"),)):
            assert image["id"] not in [one["id"] for one in page(images, *query)["images"]]
        assert images.list_by_ids([image["id"]]) == []
        assert refusal(images.create, {"id": image["id"]}).status == 409
        assert images.update(image["id"], [{"op": "add", "path": "/p", "value": "x"}])["p"] == "x"

    def test_no_such_image(self, scene: Scene) -> None:
        assert scene.images("demo").get(new_id()) is None
        assert scene.images("demo").get("no-uuid") is None


CREATE_REFUSED = [
    ({"checksum": "a"}, 403, "Attribute 'checksum' is read-only."),
    ({"size": 1}, 403, "Attribute 'size' is read-only."),
    ({"virtual_size": 1}, 403, "Attribute 'virtual_size' is read-only."),
    ({"status": "active"}, 403, "Attribute 'status' is read-only."),
    ({"created_at": "x"}, 403, "Attribute 'created_at' is read-only."),
    ({"updated_at": "x"}, 403, "Attribute 'updated_at' is read-only."),
    ({"direct_url": "x"}, 403, "Attribute 'direct_url' is read-only."),
    ({"self": "x"}, 403, "Attribute 'self' is read-only."),
    ({"file": "x"}, 403, "Attribute 'file' is read-only."),
    ({"schema": "x"}, 403, "Attribute 'schema' is read-only."),
    ({"stores": "x"}, 403, "Attribute 'stores' is read-only."),
    ({"locations": []}, 403, "Attribute 'locations' is reserved."),
    ({"os_glance_x": "1"}, 403, "Attribute 'os_glance_x' is reserved."),
    ({"location": "x"}, 403, "Attribute 'location' is reserved."),
    ({"deleted": "x"}, 403, "Attribute 'deleted' is reserved."),
    ({"deleted_at": "x"}, 403, "Attribute 'deleted_at' is reserved."),
    ({"visibility": "public"}, 403, "not authorized to complete publicize_image action."),
    ({"owner": "somebody"}, 403, "not permitted to create images owned by 'somebody'"),
    ({"owner": None}, 403, "not permitted to create images owned by 'None'"),
    ({"id": "no-uuid"}, 400, "'no-uuid' does not match"),
    ({"id": uuid.uuid4().hex}, 400, "does not match"),
    ({"visibility": "secret"}, 400, "'secret' is not one of"),
    ({"disk_format": "floppy"}, 400, "'floppy' is not one of"),
    ({"container_format": "box"}, 400, "'box' is not one of"),
    ({"size": "1"}, 400, "is not of type"),
    ({"property": None}, 400, "None is not of type 'string'"),
    ({"property": 3}, 400, "3 is not of type 'string'"),
    ({"property": True}, 400, "True is not of type 'string'"),
    ({"properties": {"a": "b"}}, 400, "is not of type 'string'"),
    ({"kernel_id": None}, 400, "None is not of type 'string'"),
    ({"min_disk": -1}, 400, "Invalid value '-1' for parameter 'min_disk'"),
    ({"min_ram": -1}, 400, "Invalid value '-1' for parameter 'min_ram'"),
    ({"min_disk": 2**31}, 400, "must not exceed 2147483647"),
    ({"min_ram": 2**31}, 400, "must not exceed 2147483647"),
    ({"min_ram": None}, 400, "None is not of type 'integer'"),
    ({"min_ram": True}, 400, "True is not of type 'integer'"),
    ({"protected": "true"}, 400, "'true' is not of type 'boolean'"),
    ({"os_hidden": None}, 400, "None is not of type 'boolean'"),
    ({"tags": "a"}, 400, "'a' is not of type 'array'"),
    ({"tags": ["t" * 256]}, 400, "is too long"),
    ({"name": "n" * 256}, 400, "is too long"),
    ({"owner": "o" * 256}, 400, "is too long"),
    ({"p" * 256: "x"}, 400, "Custom property should not be greater than 255 characters."),
    ({"name": ASTRAL}, 400, "Name can't contain 4 byte unicode characters."),
    ({"property": ASTRAL}, 400, "Property can't contain 4 byte unicode characters."),
    ({f"p{ASTRAL}": "x"}, 400, "Property names can't contain 4 byte unicode."),
    ({f"p{n}": "x" for n in range(129)}, 413, "properties. Attempted: 129, Maximum: 128"),
    ({"tags": [str(n) for n in range(129)]}, 413, "tags. Attempted: 129, Maximum: 128"),
]


class TestCreate:
    @pytest.mark.parametrize(("body", "status", "words"), CREATE_REFUSED)
    def test_refused(self, scene: Scene, body: dict[str, Any], status: int, words: str) -> None:
        image_id = new_id()
        error = refusal(scene.images("demo").create, {"id": image_id, **body})
        assert error.status == status
        assert words in error.message
        assert scene.images("admin").get(image_id) is None

    @pytest.mark.parametrize(
        "body",
        [
            {"name": "n" * 255},
            {"p" * 255: "v" * 65536},
            {"tags": ["t" * 255, ""]},
            {f"p{n}": "x" for n in range(128)},
            {"tags": [str(n) for n in range(128)]},
            {"members": "x", "is_public": "x", "architecture": "x"},
            {"disk_format": None, "container_format": None},
        ],
        ids=range(7),
    )
    def test_just_allowed(self, scene: Scene, body: dict[str, Any]) -> None:
        created = scene.images("demo").create(body)
        created["tags"].sort()
        assert {name: created[name] for name in body} == {
            name: sorted(value) if name == "tags" else value for name, value in body.items()
        }

    def test_tags_that_cant_be_stored_leave_a_record_without_tags(self, scene: Scene) -> None:
        body: dict[str, Any] = {"id": new_id(), "name": unique(), "tags": ["good", ASTRAL]}
        error = refusal(scene.images("demo").create, body)
        assert (error.status, error.message) == (400, "Param values can't contain 4 byte unicode.")
        left = scene.images("demo").get(body["id"])
        assert left is not None
        assert (left["name"], left["tags"]) == (body["name"], [])

    def test_a_body_that_is_no_object(self, scene: Scene) -> None:
        with pytest.raises(exception.RegionUnavailable) as caught:
            scene.images("demo").create([])  # type: ignore[arg-type]
        assert caught.value.status == 500

    @pytest.mark.parametrize("user", ["reader", "svconly"])
    def test_roles_that_create_nothing(self, scene: Scene, user: str) -> None:
        error = refusal(scene.images(user).create, {})
        assert error.status == 403
        assert "not authorized to complete add_image action." in error.message

    def test_an_admin_creates_for_anybody(self, scene: Scene) -> None:
        image = scene.images("admin").create({"owner": "somebody", "visibility": "public"})
        assert (image["owner"], image["visibility"]) == ("somebody", "public")

    def test_an_admin_creates_for_nobody(self, scene: Scene) -> None:
        image = scene.images("admin").create({"owner": None, "visibility": "public"})
        assert image["owner"] is None
        assert scene.images("demo").create({})["owner"] == scene.project("demo")
        for user in ("admin", "demo"):
            seen = scene.images(user).get(image["id"])
            assert seen is not None
            assert seen["owner"] is None

    def test_an_id_is_taken_once(self, scene: Scene) -> None:
        image_id = scene.images("demo").create({})["id"]
        for user in ("demo", "other", "admin"):
            error = refusal(scene.images(user).create, {"id": image_id})
            assert error.status == 409
            assert error.message == f"Image ID {image_id} already exists!"

    def test_a_deleted_id_stays_taken(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        scene.delete(image)
        for user in ("demo", "other", "admin"):
            assert scene.images(user).get(image["id"]) is None
            assert scene.images(user).list_by_ids([image["id"]]) == []
            assert refusal(scene.images(user).create, {"id": image["id"]}).status == 409

    def test_a_foreign_private_id_looks_like_a_deleted_one(self, scene: Scene) -> None:
        image = scene.images("demo").create({"visibility": "private"})
        assert scene.images("other").get(image["id"]) is None
        assert refusal(scene.images("other").create, {"id": image["id"]}).status == 409


#: Users that see an image of demo's by GET, and in a list by ids.
EVERYBODY = {"demo", "reader", "other", "admin"}
PROJECT = {"demo", "reader", "admin"}


class TestSight:
    @pytest.mark.parametrize(
        ("visibility", "who"),
        [("private", PROJECT), ("shared", PROJECT), ("community", EVERYBODY)],
    )
    @pytest.mark.parametrize("hidden", [False, True])
    def test_visibility(self, scene: Scene, visibility: str, who: set[str], hidden: bool) -> None:
        body = {"visibility": visibility, "os_hidden": hidden}
        self.check(scene, scene.images("demo").create(body), who)

    def test_public(self, scene: Scene) -> None:
        self.check(scene, scene.images("admin").create({"visibility": "public"}), EVERYBODY)

    @pytest.mark.parametrize("status", ["pending", "accepted", "rejected"])
    def test_shares(self, scene: Scene, status: str) -> None:
        image = scene.images("demo").create({})
        scene.share(image, "other", status)
        self.check(scene, image, EVERYBODY)

    def check(self, scene: Scene, image: dict[str, Any], who: set[str]) -> None:
        image_id, hidden = image["id"], image["os_hidden"]
        for user in ("demo", "reader", "other", "admin"):
            images = scene.images(user)
            assert (images.get(image_id) is not None) is (user in who), user
            listed = images.list_by_ids([new_id(), image_id], hidden=hidden)
            assert [each["id"] for each in listed] == ([image_id] if user in who else []), user
            assert images.list_by_ids([image_id], hidden=not hidden) == []

    def test_lists_without_the_wide_filters(self, scene: Scene) -> None:
        community = scene.images("demo").create({"visibility": "community"})["id"]
        private = scene.images("demo").create({"visibility": "private"})["id"]
        shares = {}
        for status in ("pending", "accepted", "rejected"):
            image = scene.images("demo").create({})
            scene.share(image, "other", status)
            shares[status] = image["id"]
        ids = [community, private, *shares.values()]

        def found(user: str, **filters: str) -> set[str]:
            query = urlencode({"id": f"in:{','.join(ids)}", **filters})
            images = scene.images(user)
            return {image["id"] for image in images.parse_page(images.fetch_page(query))}

        assert found("demo") == set(ids)
        assert found("other") == {shares["accepted"]}
        assert found("other", member_status="pending") == {shares["pending"]}
        assert found("other", member_status="all") == {*shares.values()}
        assert found("other", visibility="all") == {shares["accepted"], community}
        assert found("other", visibility="community") == {community}
        assert found("admin") == {private, *shares.values()}
        assert found("admin", visibility="all") == set(ids)
        assert found("demo", os_hidden="true") == set()

    def test_a_role_that_sees_nothing(self, scene: Scene) -> None:
        image = scene.images("demo").create({"visibility": "community"})
        assert scene.images("svconly").get(image["id"]) is None
        assert refusal(scene.images("svconly").list_by_ids, [image["id"]]).status == 403

    def test_a_hundred_ids_in_one_list(self, scene: Scene) -> None:
        ids = [scene.images("demo").create({})["id"] for _ in range(3)]
        asked = [*ids, *(new_id() for _ in range(97))]
        listed = scene.images("demo").list_by_ids(asked)
        # Newest first, if the creation times differ.
        assert {image["id"] for image in listed} == set(ids)
        assert scene.images("demo").list_by_ids([]) == []

    def test_only_shared_images_have_members(self, scene: Scene) -> None:
        image = scene.images("demo").create({"visibility": "private"})
        with pytest.raises(Exception, match=r"403|Only shared images"):
            scene.share(image, "other", "pending")
