"""Namespaces are compared part by part."""

import copy

import pytest

from kingbird.sync.metadefs.compare import Step, compare, differences, has_other_owner, labels
from kingbird.sync.metadefs.namespace import (
    Kind,
    is_namespace,
    own_fields,
    problem_of,
    record_for,
)
from kingbird.tests.unit.sync.metadefs.scene import FULL


def changed(**fields):
    return {**copy.deepcopy(FULL), **fields}


PROPERTY = FULL["properties"]["cpu:mode"]


@pytest.mark.parametrize(
    ("copy_", "found"),
    [
        (changed(), []),
        # Fields that Glance sets, and parts that only the copy has.
        (changed(created_at="then", updated_at="now", self="/", schema="/"), []),
        (changed(tags=[{"name": "slow"}, {"name": "fast"}]), []),
        (changed(properties={**FULL["properties"], "more": PROPERTY}), []),
        (changed(objects=[{**FULL["objects"][0], "updated_at": "x", "required": []}]), []),
        # The namespace's own fields, as Glance fills them.
        (changed(display_name="Other"), [("change", "display_name")]),
        (changed(description=None), [("change", "description")]),
        (
            changed(visibility=None, protected=None),
            [("change", "visibility"), ("change", "protected")],
        ),
        # Parts that are missing.
        (changed(tags=[]), [("create", "tag fast")]),
        (changed(properties=None), [("create", "property cpu:mode")]),
        (changed(objects=None), [("create", "object CPU")]),
        (
            changed(resource_type_associations=None),
            [("create", "resource type OS::Glance::Image")],
        ),
        # Parts that differ.
        (
            changed(properties={"cpu:mode": {**PROPERTY, "enum": ["b", "a"]}}),
            [("change", "property cpu:mode")],
        ),
        (changed(objects=[{"name": "CPU"}]), [("change", "object CPU")]),
        (
            changed(resource_type_associations=[{"name": "OS::Glance::Image"}]),
            [("leave", "resource type OS::Glance::Image")],
        ),
    ],
)
def test_what_differs_is_told_by_part(copy_, found):
    got = [(one.step, label) for one in compare(FULL, copy_) for label in one.labels]
    assert got == found


def test_a_namespace_is_written_first_and_its_parts_in_glances_order():
    empty = {"namespace": "OS::Test", "owner": "admin"}
    kinds = [one.part and one.part.kind for one in compare(FULL, empty)]
    assert kinds == [None, Kind.ASSOCIATION, Kind.OBJECT, Kind.TAG, Kind.PROPERTY]


def test_a_put_has_the_owner_and_every_field():
    assert own_fields({"namespace": "n", "owner": "o"}) == {
        "namespace": "n",
        "owner": "o",
        "visibility": "private",
        "protected": False,
    }
    assert own_fields(FULL)["display_name"] == "Test"


def test_a_record_has_nothing_that_glance_sets():
    shown = changed(created_at="then", self="/", schema="/")
    shown["objects"][0]["created_at"] = "then"
    assert record_for(shown) == FULL
    assert compare(FULL, record_for(shown)) == []


def test_the_owner_is_part_of_the_identity():
    assert has_other_owner(FULL, changed(owner="other"))
    assert not has_other_owner(FULL, changed())


def test_values_are_told_as_bounded_texts():
    wanted = changed(description="x" * 500, display_name="a\x00b")
    found = compare(wanted, changed(tags=[]))
    values = differences(found)
    assert set(values) == {"display_name", "description", "tag fast"}
    assert values["display_name"] == {"source": "a\\x00b", "target": "Test"}
    assert len(values["description"]["source"]) == 255
    assert values["tag fast"]["target"] is None


def test_few_of_many_values_are_told():
    many = {f"p{n}": PROPERTY for n in range(100)}
    found = compare(changed(properties=many), changed())
    assert len(differences(found)) == 20
    assert len(labels(found, Step.CREATE)) == 100


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\x00", "a\nb"])
def test_names_without_an_address_are_told(name):
    assert problem_of(name)


def test_other_names_have_one():
    assert problem_of("OS::Compute::Ümläut %2F") is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"namespace": 1},
        changed(owner=1),
        changed(created_at=1),
        changed(properties=[1]),
        changed(properties={"p": 1}),
        changed(objects={"name": "CPU"}),
        changed(objects=[{}]),
        changed(tags=["fast"]),
        changed(resource_type_associations=[{"name": 1}]),
    ],
)
def test_an_answer_of_another_form_is_no_namespace(value):
    assert not is_namespace(value)


def test_an_answer_of_glance_is_one():
    assert is_namespace(FULL)
    assert is_namespace({"namespace": "n", "properties": None})


def test_values_of_a_part_are_told_by_name():
    association = {"name": "OS::Nova::Flavor", "prefix": "hw_", "properties_target": "image"}
    other = {**association, "prefix": "x_"}
    one = changed(resource_type_associations=[association])
    two = changed(resource_type_associations=[other])
    (found,) = compare(one, two)
    assert found.fields == (
        (
            "resource type OS::Nova::Flavor",
            "prefix: hw_, properties_target: image",
            "prefix: x_, properties_target: image",
        ),
    )
