"""The contract of the real Glance for namespaces of metadata definitions."""

import copy
from typing import Any

import pytest

from kingbird.clients.glance_metadefs import MetadefClient
from kingbird.sync.metadefs.compare import compare
from kingbird.sync.metadefs.namespace import is_namespace, parts, record_for
from kingbird.tests.functional.contract_scenes import Scene, refusal
from kingbird.tests.functional.people import unique

FULL: dict[str, Any] = {
    "display_name": "Test",
    "description": "A test",
    "visibility": "public",
    "protected": True,
    "resource_type_associations": [
        {"name": "OS::Glance::Image", "prefix": "hw_", "properties_target": "image"}
    ],
    "objects": [
        {
            "name": "CPU",
            "description": "Cores",
            "required": ["cores"],
            "properties": {"cores": {"title": "Cores", "type": "integer", "minimum": 1}},
        }
    ],
    "tags": [{"name": "fast and small"}],
    "properties": {
        "cpu:mode": {"title": "Mode", "type": "string", "enum": ["a", "b"], "default": "a"}
    },
}


@pytest.fixture
def glance(scene: Scene) -> MetadefClient:
    """Return the definitions as an admin sees them."""
    return scene.images("admin").metadefs


@pytest.fixture
def full(glance: MetadefClient) -> dict[str, Any]:
    """Return a namespace with a part of each kind, of a project that is not the caller's."""
    record = {**copy.deepcopy(FULL), "namespace": unique("OS::Test"), "owner": "somebody"}
    glance.create(record)
    return record


def seen(glance: MetadefClient, record: dict[str, Any]) -> dict[str, Any]:
    found = glance.get(record["namespace"])
    assert found is not None
    return found


class TestMetadefs:
    def test_one_post_makes_all_and_one_get_tells_all(
        self, glance: MetadefClient, full: dict[str, Any]
    ) -> None:
        found = seen(glance, full)
        assert is_namespace(found)
        assert record_for(found) == full
        assert compare(full, found) == []
        assert found["owner"] == "somebody"
        assert {"created_at", "updated_at", "self", "schema"} < found.keys()

    def test_the_list_has_the_fields_and_no_parts(
        self, glance: MetadefClient, full: dict[str, Any]
    ) -> None:
        (one,) = [
            each for each in glance.list_namespaces() if each["namespace"] == full["namespace"]
        ]
        assert (one["owner"], one["visibility"]) == ("somebody", "public")
        assert not {"properties", "objects", "tags"} & one.keys()

    def test_the_list_has_pages(
        self, glance: MetadefClient, full: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(3):
            glance.create({"namespace": unique("OS::Page")})
        names = [one["namespace"] for one in glance.list_namespaces()]
        assert len(names) > 3
        monkeypatch.setattr("kingbird.clients.glance_metadefs.PAGE_SIZE", 2)
        assert [one["namespace"] for one in glance.list_namespaces()] == names

    def test_what_is_not_said(self, glance: MetadefClient, scene: Scene) -> None:
        name = unique("OS::Test")
        glance.create({"namespace": name})
        found = glance.get(name)
        assert found is not None
        assert (found["visibility"], found["protected"]) == ("private", False)
        assert found["owner"] == scene.project("admin")
        assert "description" not in found
        assert parts(found) == {}

    def test_a_name_that_is_taken(self, glance: MetadefClient, full: dict[str, Any]) -> None:
        assert refusal(glance.create, full).status == 409
        assert glance.get(unique("OS::Nothing")) is None

    def test_a_put_without_an_owner_gives_it_to_the_caller(
        self, glance: MetadefClient, full: dict[str, Any], scene: Scene
    ) -> None:
        glance.update(full["namespace"], {"namespace": full["namespace"]})
        found = seen(glance, full)
        assert found["owner"] == scene.project("admin")
        assert (found["visibility"], found["protected"]) == ("private", False)
        assert "display_name" not in found
        # The parts stay.
        assert parts(found) == parts(full)

    def test_single_calls_change_parts(self, glance: MetadefClient, full: dict[str, Any]) -> None:
        name = full["namespace"]
        before = seen(glance, full)["updated_at"]
        glance.update_property(name, {"name": "cpu:mode", "title": "Other", "type": "string"})
        glance.update_object(name, {"name": "CPU", "description": "Other"})
        glance.add_property(name, {"name": "more", "title": "More", "type": "boolean"})
        glance.add_object(name, {"name": "Disk"})
        glance.add_tag(name, "slower by 50%")
        glance.add_association(name, {"name": "OS::Nova::Flavor"})
        found = seen(glance, full)
        told = {str(part): body for part, body in parts(found).items()}
        assert told["property cpu:mode"]["title"] == "Other"
        assert "enum" not in told["property cpu:mode"]
        assert told["object CPU"] == {"name": "CPU", "description": "Other"}
        added = {"property more", "object Disk", "resource type OS::Nova::Flavor"}
        assert {*added, "tag slower by 50%"} < told.keys()
        assert found["owner"] == "somebody"
        assert found["updated_at"] == before
        # A property that was made by a call of its own tells its name twice.
        assert found["properties"]["more"]["name"] == "more"
        assert "name" not in full["properties"]["cpu:mode"]

    def test_parts_that_are_there(self, glance: MetadefClient, full: dict[str, Any]) -> None:
        name = full["namespace"]
        mode = {"name": "cpu:mode", "title": "Other", "type": "string"}
        assert refusal(glance.add_property, name, mode).status == 409
        assert refusal(glance.add_object, name, {"name": "CPU"}).status == 409
        assert refusal(glance.add_tag, name, "fast and small").status == 409
        again = {"name": "OS::Glance::Image", "prefix": "other_"}
        assert refusal(glance.add_association, name, again).status == 409

    def test_a_protected_namespace_stays_as_a_half_if_a_part_is_refused(
        self, glance: MetadefClient
    ) -> None:
        name = unique("OS::Test")
        record = {**copy.deepcopy(FULL), "namespace": name, "tags": [{"name": "a"}] * 2}
        assert refusal(glance.create, record).status == 409
        assert glance.get(name) is not None

    def test_what_glance_sets_is_refused(self, glance: MetadefClient) -> None:
        record = {"namespace": unique("OS::Test"), "created_at": "2026-01-01T00:00:00Z"}
        assert refusal(glance.create, record).status == 403

    def test_members_see_public_ones_and_write_none(
        self, glance: MetadefClient, full: dict[str, Any], scene: Scene
    ) -> None:
        mine = scene.images("demo").metadefs
        assert mine.get(full["namespace"]) is not None
        private = {"namespace": unique("OS::Private"), "owner": "somebody"}
        glance.create(private)
        assert mine.get(private["namespace"]) is None
        assert refusal(mine.create, {"namespace": unique("OS::Test")}).status == 403
