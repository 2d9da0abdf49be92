"""Commands about namespaces of metadata definitions."""

from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.api import store
from kingbird.tests.api.world import IMAGE, NAMESPACE, REGIONS
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc, dry, engine, stored

TYPE = ("--resource-type", "metadef")
OTHER = "OS::Other"
RULE = ("rule", "create", "definitions", NAMESPACE, *TYPE)


def stored_set() -> dict[str, Any]:
    """Return the set of the one rule."""
    with db.get_engine().connect() as bind:
        found: dict[str, Any] = bind.execute(sa.select(db.Rule.__table__.c.sync_set)).scalar_one()
        return found


NAMES = ("OS::Test::Namespace", "OS::Test::Namespace")


def test_namespaces_are_given_by_name(osc: Osc) -> None:
    words = ["create", "--resource-type", "metadef", *NAMES, "--source", "RegionOne"]
    words += ["--target", "*", "--on-drift", "update", "--dry-run", *JSON]
    (one,) = stored(osc(*words, user="admin").json["ID"])
    assert (one["resource_type"], one["resources"]) == ("metadef", ["OS::Test::Namespace"])
    assert set(one["targets"]) == {*REGIONS} - {"RegionOne"}
    assert (one["on_drift"], one["dry_run"]) == ("update", True)


def test_all_namespaces(osc: Osc) -> None:
    words = ("create", "--resource-type", "metadef", "--all", "--target", "*", *JSON)
    (one,) = stored(osc(*words, user="admin").json["ID"])
    assert (one["resource_type"], one["resources"]) == ("metadef", ["*"])
    assert set(one["sources"]) == {*REGIONS}


def test_a_rule_about_namespaces(osc: Osc) -> None:
    words = ("rule", "create", "definitions", "--resource-type", "metadef", "--all", *JSON)
    rule = osc(*words, user="admin").json
    assert "metadef" in rule.values()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--all", *NAMES), "Give either names or --all"),
        ((), "Give either names or --all"),
        ((*NAMES, "--force"), "--force can't be given with --resource-type metadef"),
        (("--all", "--tag", "a"), "--tag can't be given with --resource-type metadef"),
        (("--all", "--all-projects"), "--all-projects can't be given"),
        (("--all", "--data", "import"), "--data can't be given"),
    ],
)
def test_options_without_a_meaning_for_namespaces(
    osc: Osc, words: tuple[str, ...], message: str
) -> None:
    found = osc("create", "--resource-type", "metadef", "--target", "*", *words, user="admin")
    assert found.code != 0
    assert message in found.err


def test_the_stored_state(osc: Osc) -> None:
    store.states()
    rows = osc("state", *TYPE, "--sort", "name", *JSON, user="admin").json
    assert [row["Name"] for row in rows] == [OTHER, NAMESPACE]
    assert "ID" not in rows[0]
    assert rows[0]["Project"] == "admin"
    assert rows[0]["RegionOne"] == {"state": "same"}
    assert (rows[0]["RegionTwo"]["state"], rows[1]["RegionTwo"]["state"]) == ("drift", "missing")
    shown = osc("state", *TYPE, user="admin").out
    assert "RegionTwo: 2 of 4 in order, 1 missing, 1 drift" in shown
    rows = osc("state", *TYPE, "--marker", OTHER, *JSON, user="admin").json
    assert [row["Name"] for row in rows] == [NAMESPACE]
    refused = osc("state", *TYPE)
    assert (refused.code, "HTTP 403" in refused.err) == (1, True)


def test_a_comparison(osc: Osc, cloud: Cloud) -> None:
    named = {"resource_type": "metadef", "target_resource": None}
    items = (
        dry(NAMESPACE, "RegionTwo", "missing", resource_name=NAMESPACE, **named),
        dry(OTHER, "RegionTwo", "drift", resource_name=OTHER, **named),
    )
    with engine(cloud, *items, in_sync={"RegionThree": 2}):
        done = osc("diff", *TYPE, "--all", "--exit-code", "--keep", *JSON, user="admin")
    assert done.code == 5
    assert done.json == [
        {"Name": OTHER, "RegionOne": "=", "RegionThree": "=", "RegionTwo": "~"},
        {"Name": NAMESPACE, "RegionOne": "=", "RegionThree": "=", "RegionTwo": "+"},
    ]
    (job,) = osc("list", "--all-projects", *JSON, user="admin").json
    (one,) = stored(job["ID"])
    assert (one["resource_type"], one["dry_run"]) == ("metadef", True)


def test_a_comparison_of_some_names_each_reason_once(osc: Osc, cloud: Cloud) -> None:
    item = dry(NAMESPACE, "RegionTwo", "owner_conflict", resource_type="metadef")
    with engine(cloud, {**item, "resource_name": NAMESPACE}):
        done = osc("diff", *TYPE, NAMESPACE, "--target", "RegionTwo", user="admin")
    assert f"  {NAMESPACE} in RegionTwo: owner_conflict: About owner_conflict\n" in done.out


def test_a_rule_is_set(osc: Osc) -> None:
    assert osc(*RULE, user="admin").code == 0

    def change(*words: str) -> Any:
        assert osc("rule", "set", "definitions", *words, user="admin").code == 0
        return stored_set()["resources"]

    before = change("--on-drift", "update")
    assert stored_set()["on_drift"] == "update"
    assert change("--all") == ["*"]
    assert change("--namespace", NAMESPACE, "--namespace", NAMESPACE) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("definitions", "--image", IMAGE),
            "--image can't be given, as the rule is about",
        ),
        (("definitions", "--namespace", NAMESPACE, "--all"), "Give either --namespace or --all"),
        (("golden", "--namespace", NAMESPACE), "--namespace can't be given, as the rule is about"),
    ],
)
def test_options_of_another_type(osc: Osc, words: tuple[str, ...], message: str) -> None:
    osc(*RULE, user="admin")
    osc("rule", "create", "golden", IMAGE, user="admin")
    done = osc("rule", "set", *words, user="admin")
    assert (done.code, message in done.err) == (1, True)
