"""After a run the next one finds nothing, whatever the regions held before."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kingbird.tests.doubles.glance import AFTER, BEFORE, HALF_MADE, unavailable
from kingbird.tests.unit.sync.metadefs.scene import ANY_TO_ANY, MetadefScene, a_set

TEXTS = st.sampled_from(["a", "b", "ü", "x:y", "with space"])
#: Glance stores some texts and numbers of a property, and shows them as they were.
PROPERTY = st.fixed_dictionaries(
    {"title": TEXTS, "type": st.sampled_from(["string", "integer"])},
    optional={"enum": st.lists(TEXTS, max_size=2), "minimum": st.integers(0, 3)},
)
PROPERTIES = st.dictionaries(TEXTS, PROPERTY, max_size=3)


def named(part: Any) -> Any:
    """Return lists of parts, each name once."""
    return st.dictionaries(TEXTS, part, max_size=3).map(
        lambda parts: [{**one, "name": name} for name, one in parts.items()]
    )


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "display_name": TEXTS,
        "description": TEXTS,
        "visibility": st.sampled_from(["public", "private"]),
        "protected": st.booleans(),
        "owner": st.sampled_from(["o", "p"]),
        "tags": named(st.just({})),
        "objects": named(st.fixed_dictionaries({}, optional={"properties": PROPERTIES})),
        "properties": PROPERTIES,
        "resource_type_associations": named(st.fixed_dictionaries({}, optional={"prefix": TEXTS})),
    },
)
EMPTY = dict.fromkeys(
    (
        *("display_name", "description", "visibility", "protected"),
        *("tags", "objects", "properties", "resource_type_associations"),
    )
)
REGIONS = st.fixed_dictionaries(
    {}, optional={name: st.dictionaries(TEXTS, FIELDS, max_size=2) for name in ("R1", "R2", "R3")}
)
FAILURES = st.lists(
    st.tuples(
        st.sampled_from(["R1", "R2", "R3"]),
        st.sampled_from(["POST namespace", "PUT namespace", "POST part", "PUT part"]),
        st.sampled_from([BEFORE, AFTER, HALF_MADE]),
    ),
    max_size=3,
)
#: The differences that a run may leave: parts that no call changes, and what is somebody else's.
LEFT = {"drift", "owner_conflict"}


@settings(max_examples=150, deadline=None)
@given(regions=REGIONS, failures=FAILURES)
def test_a_second_run_finds_nothing(regions: Any, failures: Any) -> None:
    scene = MetadefScene()
    for region, namespaces in regions.items():
        for name, fields in namespaces.items():
            scene.make(region, **{**EMPTY, "owner": "o", **fields, "namespace": name})
    before = {name: dict(one.metadefs.namespaces) for name, one in scene.glances.items()}
    owners = {
        (name, key): one["owner"] for name, some in before.items() for key, one in some.items()
    }
    for region, method, when in failures:
        scene.glances[region].fail(method, unavailable(), when=when)
    every = a_set(on_drift="update", **ANY_TO_ANY)
    first = {pair: one.reason for pair, one in scene.run(every).items()}
    for glance in scene.glances.values():
        glance.heal()
        glance.calls.clear()
    _, items = scene.plan(every)
    # Three failures of one call are more than a run tries.
    away = {pair for pair, reason in first.items() if reason == "region_unavailable"}
    left = {
        (item.name, item.target_region): item.outcome.reason if item.outcome else item.action
        for item in items
        if (item.name, item.target_region) not in away
    }
    assert set(left.values()) <= LEFT
    assert left == {pair: reason for pair, reason in first.items() if reason in LEFT}
    # Nothing is deleted, and nothing changes hands.
    for (region, name), owner in owners.items():
        assert scene.at(region, name)["owner"] == owner
