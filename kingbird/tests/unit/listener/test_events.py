"""Messages of any form are read without an error."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.listener.events import TOLD, UNTOLD, UPDATE, Drop, Event, flatten, read
from kingbird.listener.matching import RuleSet
from kingbird.tests.unit.listener.messages import payload, rule

IMAGE = "11111111-2222-4333-8444-aaaaaaaaaaaa"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
#: Payloads in which any field has any value.
ODD = st.builds(
    lambda fields, image_id: {**payload(), **fields, **({"id": image_id} if image_id else {})},
    st.dictionaries(st.sampled_from(sorted(payload())), JSON),
    st.sampled_from([IMAGE, IMAGE.upper(), None]),
)
RULES = RuleSet(
    [
        rule(1),
        rule(2, resources=(IMAGE,)),
        rule(
            3,
            is_admin=True,
            all_projects=True,
            sources=("*",),
            filters={"tags": ["a"], "properties": {"x": "y"}, "size_min": 1, "name_prefix": "c"},
        ),
        rule(4, filters={"updated_since": "2026-01-01T00:00:00Z", "visibility": "public"}),
    ]
)


def test_a_change() -> None:
    sent = payload(IMAGE.upper(), properties={"os_distro": "debian", "status": "no"})
    event = read("R1", UPDATE, sent)
    assert isinstance(event, Event)
    assert (event.region, event.image_id, event.deleted) == ("R1", IMAGE, False)
    assert event.image["os_distro"] == "debian"
    assert event.image["status"] == "active"
    assert not {"properties", "is_public", "deleted"} & event.image.keys()


def test_a_deletion() -> None:
    event = read("R1", "image.delete", payload(IMAGE, status="deleted", deleted=True))
    assert isinstance(event, Event)
    assert event.deleted


@pytest.mark.parametrize(
    "event_type",
    [
        *("image.create", "image.activate", "image.upload", "image.prepare", "image.send"),
        *("image.member.create", "task.create", "compute.instance.update", "", None, 1, [], {}),
    ],
)
def test_other_messages_are_dropped(event_type: object) -> None:
    assert read("R1", event_type, payload()) is Drop.TYPE


@pytest.mark.parametrize(
    "sent",
    [
        *(None, [], "text", 1, {}),
        payload("no-id"),
        payload(id=None),
        payload(id=f"{IMAGE}\n"),
        payload(properties=[1]),
        payload(tags="text"),
        payload(status=["active"]),
        payload(size="large"),
    ],
)
def test_what_glance_does_not_send(sent: object) -> None:
    assert read("R1", UPDATE, sent) is Drop.FORM


def test_what_a_message_does_not_tell() -> None:
    assert {"os_hidden", "os_hash_value", "os_hash_algo", "stores"} <= UNTOLD
    assert not UNTOLD & TOLD
    found = flatten(payload(properties={"os_hidden": True, "os_hash_value": "1"}))
    assert found is not None
    assert not UNTOLD & found.keys()


@given(JSON | ODD, st.sampled_from([UPDATE, "image.delete"]) | JSON)
def test_no_message_raises(sent: object, event_type: object) -> None:
    event = read("R1", event_type, sent)
    if isinstance(event, Event):
        assert str(uuid.UUID(event.image_id)) == event.image_id
        assert isinstance(RULES.match(event), Drop | frozenset)
