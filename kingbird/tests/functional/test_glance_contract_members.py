"""The contract of the real Glance for shares."""

from typing import Any
from urllib.parse import urlencode

import pytest

from kingbird.tests.functional.contract_scenes import Scene, new_id, refusal


@pytest.fixture
def image(scene: Scene) -> dict[str, Any]:
    """Return a shared image of demo's."""
    return scene.images("demo").create({})


def statuses(scene: Scene, user: str, image: dict[str, Any]) -> dict[str, str]:
    members = scene.images(user).list_members(image["id"])
    return {member["member_id"]: member["status"] for member in members}


class TestMembers:
    def test_who_sees_which(self, scene: Scene, image: dict[str, Any]) -> None:
        other = scene.project("other")
        assert statuses(scene, "demo", image) == {}
        assert refusal(scene.images("other").list_members, image["id"]).status == 404
        scene.images("demo").add_member(image["id"], "somebody")
        scene.images("demo").add_member(image["id"], other)
        both = {"somebody": "pending", other: "pending"}
        for user in ("demo", "reader", "admin"):
            assert statuses(scene, user, image) == both
        assert statuses(scene, "other", image) == {other: "pending"}
        (member,) = scene.images("other").list_members(image["id"])
        assert set(member) == {
            *("member_id", "image_id", "status", "created_at", "updated_at", "schema")
        }
        assert member["image_id"] == image["id"]

    def test_twice(self, scene: Scene, image: dict[str, Any]) -> None:
        scene.images("demo").add_member(image["id"], "somebody")
        for user in ("demo", "admin"):
            error = refusal(scene.images(user).add_member, image["id"], "somebody")
            assert error.status == 409
            assert error.message == f"Member somebody is duplicated for image {image['id']}"

    def test_who_may_share(self, scene: Scene, image: dict[str, Any]) -> None:
        scene.images("admin").add_member(image["id"], scene.project("other"))
        for user in ("reader", "other"):
            error = refusal(scene.images(user).add_member, image["id"], "somebody")
            assert error.status == 403
            assert error.message == "You are not authorized to complete add_member action."
        assert refusal(scene.images("svconly").add_member, image["id"], "x").status == 404
        assert refusal(scene.images("demo").add_member, image["id"], "").status == 400

    def test_the_project_answers_and_not_the_owner(
        self, scene: Scene, image: dict[str, Any]
    ) -> None:
        other = scene.project("other")
        scene.images("demo").add_member(image["id"], other)
        for user in ("demo", "reader"):
            error = refusal(scene.images(user).set_member_status, image["id"], other, "accepted")
            assert error.status == 403
            assert error.message == "You are not authorized to complete modify_member action."
        scene.images("other").set_member_status(image["id"], other, "rejected")
        assert statuses(scene, "demo", image) == {other: "rejected"}
        scene.images("admin").set_member_status(image["id"], other, "accepted")
        assert statuses(scene, "demo", image) == {other: "accepted"}
        scene.images("admin").set_member_status(image["id"], other, "accepted")
        ids = [image["id"]]
        page = scene.images("other").fetch_page(urlencode({"id": f"in:{image['id']}"}))
        assert [each["id"] for each in scene.images("other").parse_page(page)] == ids

    def test_answers_that_are_refused(self, scene: Scene, image: dict[str, Any]) -> None:
        other = scene.project("other")
        scene.images("demo").add_member(image["id"], other)
        scene.images("demo").add_member(image["id"], "somebody")
        for status in ("lost", None):
            error = refusal(scene.images("other").set_member_status, image["id"], other, status)
            assert error.status == 400
            assert "Status must be" in error.message
        for user, project in (("demo", "absent"), ("other", "absent"), ("other", "somebody")):
            error = refusal(scene.images(user).set_member_status, image["id"], project, "accepted")
            assert error.status == 404
            assert f"{project} not found in the member list" in error.message

    def test_who_may_end_a_share(self, scene: Scene, image: dict[str, Any]) -> None:
        other = scene.project("other")
        scene.images("demo").add_member(image["id"], other)
        scene.images("demo").add_member(image["id"], "somebody")
        for user, project in (("reader", other), ("other", other)):
            error = refusal(scene.images(user).remove_member, image["id"], project)
            assert error.status == 403
            assert error.message == "You are not authorized to complete delete_member action."
        # A member sees no other one.
        for user, project in (("other", "somebody"), ("demo", "absent"), ("admin", "absent")):
            error = refusal(scene.images(user).remove_member, image["id"], project)
            assert error.status == 404
            assert f"{project} not found in the member list" in error.message
        before = scene.images("demo").get(image["id"])
        scene.images("demo").remove_member(image["id"], "somebody")
        scene.images("admin").remove_member(image["id"], other)
        assert statuses(scene, "demo", image) == {}
        assert scene.images("demo").get(image["id"]) == before
        assert refusal(scene.images("demo").remove_member, image["id"], other).status == 404

    @pytest.mark.parametrize("visibility", ["private", "community"])
    def test_only_shared_images_have_members(self, scene: Scene, visibility: str) -> None:
        image_id = scene.images("demo").create({"visibility": visibility})["id"]
        for user in ("demo", "admin"):
            images = scene.images(user)
            for call in (
                lambda: images.list_members(image_id),  # noqa: B023
                lambda: images.add_member(image_id, "somebody"),  # noqa: B023
                lambda: images.set_member_status(image_id, "somebody", "accepted"),  # noqa: B023
                lambda: images.remove_member(image_id, "somebody"),  # noqa: B023
            ):
                assert refusal(call).status == 403

    def test_images_that_are_not_there(self, scene: Scene) -> None:
        private = scene.images("demo").create({"visibility": "private"})["id"]
        deleted = scene.images("demo").create({})
        scene.delete(deleted)
        for user, image_id in (("other", private), ("demo", new_id()), ("admin", deleted["id"])):
            images = scene.images(user)
            assert refusal(images.list_members, image_id).status == 404
            assert refusal(images.add_member, image_id, "somebody").status == 404
            assert refusal(images.set_member_status, image_id, "x", "accepted").status == 404
            assert refusal(images.remove_member, image_id, "x").status == 404

    def test_shares_leave_the_image_as_it_was(self, scene: Scene, image: dict[str, Any]) -> None:
        other = scene.project("other")
        scene.images("demo").add_member(image["id"], other)
        scene.images("other").set_member_status(image["id"], other, "accepted")
        assert scene.images("demo").get(image["id"]) == image
