"""Jobs about namespaces of metadata definitions, on real Glances with those that Glance ships."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kingbird.sync.metadefs.compare import compare
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.proxy import Call, Proxy

API = Callable[[Person], KingbirdAPI]

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")
SHIPPED = "etc/glance/metadefs"


def metadefs(*names: str, **options: Any) -> dict[str, Any]:
    """Return a set of namespaces."""
    return {
        "resource_type": "metadef",
        "resources": list(names or ["*"]),
        "source": "RegionOne",
        "target": ["RegionTwo", "RegionThree"],
        **options,
    }


def shipped() -> list[dict[str, Any]]:
    """Return the namespaces that Glance ships, which ``glance-manage db_load_metadefs`` loads."""
    from minicloud.layout import DEFAULT_HOME, Home

    files = sorted((Home(DEFAULT_HOME).venv("glance") / SHIPPED).glob("*.json"))
    found = []
    for file in files:
        namespace = json.loads(file.read_text())
        namespace.pop("$schema", None)
        found.append(namespace)
    return found


def definitions(person: Person, region: str) -> Any:
    return person.images(region).metadefs


def delete(person: Person, region: str, name: str) -> None:
    person.glance(region, "DELETE", f"metadefs/namespaces/{name}")


def writes(calls: list[Call]) -> list[str]:
    return [call.method for call in calls if call.writes]


@pytest.fixture
def shipped_in_one(admin: Person, cloud: Any) -> list[str]:
    """Load the namespaces that Glance ships into RegionOne, and return their names."""
    there = definitions(admin, "RegionOne")
    names = []
    for namespace in shipped():
        if there.get(namespace["namespace"]) is None:
            there.create(namespace)
        names.append(namespace["namespace"])
    assert len(names) > 25
    return names


def test_all_that_glance_ships_comes_out_the_same(
    shipped_in_one: list[str], admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    mine = api(admin)
    dry = mine.run(metadefs(dry_run=True))
    assert {item["reason"] for item in dry.items} == {"missing"}
    with glances["RegionTwo"].recording() as calls:
        job = mine.run(metadefs(on_drift="update"))
    assert job.status == SUCCESS
    assert set(job.outcomes) == {"created"}
    assert {item["resource"] for item in job.items} >= set(shipped_in_one)
    # A list, and one POST and one look a namespace.
    assert len(writes(calls)) == len(job.items) // 2
    source = definitions(admin, "RegionOne")
    for name in shipped_in_one:
        for region in REGIONS[1:]:
            assert compare(source.get(name), definitions(admin, region).get(name)) == []
    with glances["RegionTwo"].recording() as calls:
        again = mine.run(metadefs(on_drift="update"))
    assert (again.status, again.items) == (SUCCESS, [])
    assert writes(calls) == []


def test_drift_is_told_by_part_and_followed_by_single_calls(
    admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    name = unique("OS::Kingbird")
    mode = {"title": "Mode", "type": "string"}
    record = {
        "namespace": name,
        "owner": "somebody",
        "visibility": "public",
        "properties": {"mode": mode, "other": mode},
        "tags": [{"name": "fast"}],
    }
    definitions(admin, "RegionOne").create(record)
    changed = {**record, "properties": {"mode": {**mode, "title": "Changed"}, "mine": mode}}
    definitions(admin, "RegionTwo").create({**changed, "tags": [], "display_name": "Changed"})
    mine, one_way = api(admin), {"target": ["RegionTwo"]}
    reported = mine.run(metadefs(name, **one_way))
    assert reported.status == FAILURE
    assert reported.only["reason"] == "drift"
    assert reported.only["message"] == (
        "Created from RegionOne: tag fast, property other; Differs from the namespace in "
        "RegionOne in: display_name, property mode"
    )
    differing = {"display_name", "property mode", "tag fast", "property other"}
    assert set(reported.only["fields"]) == differing
    with glances["RegionTwo"].recording() as calls:
        updated = mine.run(metadefs(name, **one_way, on_drift="update"))
    assert updated.only["reason"] == "updated"
    assert sorted(writes(calls)) == ["PUT", "PUT"]
    found = definitions(admin, "RegionTwo").get(name)
    assert compare(record, found) == []
    # It is still somebody's, and what only the copy has stays.
    assert found["owner"] == "somebody"
    assert "mine" in found["properties"]


def test_somebody_elses_namespace_is_left_alone(admin: Person, api: API) -> None:
    name = unique("OS::Kingbird")
    definitions(admin, "RegionOne").create({"namespace": name, "owner": "one"})
    definitions(admin, "RegionTwo").create({"namespace": name, "owner": "two"})
    job = api(admin).run(metadefs(name, target=["RegionTwo"], on_drift="update"))
    assert job.only["reason"] == "owner_conflict"
    assert definitions(admin, "RegionTwo").get(name)["owner"] == "two"


def test_a_half_is_completed(admin: Person, api: API) -> None:
    name = unique("OS::Kingbird")
    mode = {"title": "Mode", "type": "string"}
    record = {"namespace": name, "properties": {"mode": mode}, "tags": [{"name": "fast"}]}
    definitions(admin, "RegionOne").create(record)
    definitions(admin, "RegionTwo").create({"namespace": name})
    job = api(admin).run(metadefs(name, target=["RegionTwo"]))
    assert (job.only["reason"], job.only["target_resource"]) == ("created", name)
    made = {**record, "owner": admin.project_id}
    assert compare(made, definitions(admin, "RegionTwo").get(name)) == []


#: The state that goes with the reason of a dry run's item.
STATES = {"missing": "missing", "drift": "drift", "owner_conflict": "conflict"}


def state(person: KingbirdAPI, **query: str) -> Any:
    answer = person.call("GET", "-state", params={"resource_type": "metadef", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def cells(person: KingbirdAPI) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return the state and the values that differ by namespace and region."""
    found = state(person, limit="1000")["images"]
    assert {one["resource_type"] for one in found} <= {"metadef"}
    return {
        (one["id"], region): (cell["state"], cell["fields"])
        for one in found
        for region, cell in one["cells"].items()
    }


def test_the_stored_state_is_what_a_fresh_comparison_finds(admin: Person, api: API) -> None:
    drifted, missing, other, gone = (unique("OS::Kingbird") for _ in range(4))
    record = {"visibility": "public", "properties": {"mode": {"title": "M", "type": "string"}}}
    source = definitions(admin, "RegionOne")
    for name in (drifted, missing, gone):
        source.create({"namespace": name, **record})
    source.create({"namespace": other, "owner": "one"})
    definitions(admin, "RegionTwo").create({"namespace": other, "owner": "two"})
    mine = api(admin)
    mine.run(metadefs())
    assert not {drifted, missing, gone} & {name for name, _ in cells(mine)}
    before = state(mine)["regions"]["RegionTwo"]
    for region in REGIONS[1:]:
        mode = {"title": "Changed", "type": "string"}
        definitions(admin, region).update_property(drifted, {"name": "mode", **mode})
        delete(admin, region, missing)
    delete(admin, "RegionThree", gone)
    dry = mine.run(metadefs(dry_run=True))
    found = cells(mine)
    assert found == {
        (item["resource"], item["target_region"]): (
            STATES[item["reason"]],
            item["fields"] if item["reason"] == "drift" else {},
        )
        for item in dry.items
    }
    own = {drifted, missing, other, gone}
    assert {pair: word for pair, (word, _) in found.items() if pair[0] in own} == {
        (drifted, "RegionTwo"): "drift",
        (drifted, "RegionThree"): "drift",
        (missing, "RegionTwo"): "missing",
        (missing, "RegionThree"): "missing",
        (gone, "RegionThree"): "missing",
        (other, "RegionTwo"): "conflict",
    }
    figures = state(mine)["regions"]["RegionTwo"]
    assert (figures["drift"], figures["missing"]) == (before["drift"] + 1, before["missing"] + 1)
    assert (figures["images"], figures["same"]) == (before["images"], before["same"] - 2)

    # A namespace that its home deletes is no longer missing anywhere, and outcomes tell the
    # writes of a job.
    delete(admin, "RegionOne", gone)
    mine.run(metadefs(on_drift="update"))
    left = {pair: word for pair, (word, _) in cells(mine).items()}
    assert {pair: word for pair, word in left.items() if pair[0] in own} == {
        (other, "RegionTwo"): "conflict"
    }
    again = mine.run(metadefs(dry_run=True))
    assert left == {pair: STATES[reason] for pair, reason in again.reasons.items()}


def test_a_member_may_not(demo: Person, api: API) -> None:
    assert api(demo).post(metadefs()).status_code == 403
