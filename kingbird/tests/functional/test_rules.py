"""Rules on the real cloud: images spread by themselves, with the rights of the rule's user."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kingbird.tests.functional.accounts import (
    be_disabled,
    be_enabled,
    get_the_role,
    lose_the_role,
)
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.test_credentials import trusts
from kingbird.tests.functional.test_rights_lost import somebody  # noqa: F401

#: Two seconds between full runs, and an engine that looks for them all the time.
OFTEN: dict[str, dict[str, Any]] = {
    "rules": {"min_interval": 1},
    "engine": {"poll_interval": 0.3, "reaper_interval": 1},
}
KINDS = {
    "RabbitMQ and MariaDB": Kind("MariaDB", broker=True, engines=2, options=OFTEN),
    "RabbitMQ and PostgreSQL": Kind("PostgreSQL", broker=True, engines=2, options=OFTEN),
    "standalone": Kind(options=OFTEN),
}
PRIVATE: dict[str, Any] = {"visibility": "private"}


class Rules:
    """The rules of a user."""

    def __init__(self, api: KingbirdAPI) -> None:
        self.api = api

    def make(self, **fields: Any) -> dict[str, Any]:
        """Create a rule from RegionOne to all other regions, and wait for its first run."""
        rule = wildcard(**{"source": "RegionOne", "filters": {"status": "queued"}, **fields})
        rule["name"] = unique("rule")
        answer = self.api.call("POST", "-rules", json={"rule": rule})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["rule"]
        self.api.wait(made["last_job"])
        return made

    def show(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Return a rule as it is now."""
        found: dict[str, Any] = self.api.call("GET", f"-rules/{rule['id']}").json()["rule"]
        return found

    def run(self, rule: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Run a rule, wait for the end, and return the rule."""
        answer = self.api.call("POST", f"-rules/{rule['id']}/run", json=body)
        assert answer.status_code == 202, answer.text
        self.api.wait(answer.json()["job_status"]["id"])
        return self.show(rule)

    def change(self, rule: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Change a rule, and return it."""
        answer = self.api.call("PATCH", f"-rules/{rule['id']}", json={"rule": fields})
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()["rule"]
        return changed


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def often(request: pytest.FixtureRequest, deploy_own: Callable[[Kind], Deployment]) -> Deployment:
    """Run a Kingbird whose rules may run every second."""
    return deploy_own(request.param)


def seen(person: Person, region: str, image_id: str) -> bool:
    return person.images(region).get(image_id) is not None


def test_images_spread_at_each_interval(
    often: Deployment, newcomer: Person, admin: Person, cloud: Any
) -> None:
    rules = Rules(KingbirdAPI(often.url, newcomer))
    first = newcomer.make("RegionOne", **PRIVATE)["id"]
    rule = rules.make(interval=1)
    for image_id in (first, newcomer.make("RegionOne", **PRIVATE)["id"]):
        for region in ("RegionTwo", "RegionThree"):
            found = partial(seen, newcomer, region, image_id)
            eventually(f"the image is in {region}", found)
    shown = rules.show(rule)
    assert (shown["state"], shown["failures"]) == ("OK", 0)
    assert shown["last_success_at"]
    assert shown["next_run_at"]
    (trust,) = trusts(admin, cloud)
    assert trust["expires_at"] is None
    assert trust["project_id"] == newcomer.project_id
    # Idle runs leave no rows: the two that made something are kept.
    eventually(
        "idle runs are purged",
        lambda: len(rules.api.call("GET", f"?rule={rule['id']}").json()["job_set"]) <= 3,
    )
    assert rules.api.call("DELETE", f"-rules/{rule['id']}").status_code == 204
    eventually("no trust is left", lambda: not trusts(admin, cloud))
    assert all(seen(newcomer, region, first) for region in ("RegionTwo", "RegionThree"))
    assert rules.api.call("GET", f"-rules/{rule['id']}").status_code == 404


@pytest.mark.parametrize("lose", [lose_the_role, be_disabled])
def test_a_rule_works_again_when_its_user_has_the_right_again(
    lose: Callable[[Person, Person], None],
    somebody: Person,  # noqa: F811
    demo: Person,
    admin: Person,
    api: Callable[[Person], KingbirdAPI],
) -> None:
    theirs, rules = Rules(api(somebody)), Rules(api(demo))
    rule = theirs.make(interval=0, filters={"name": "none"})
    assert rules.run(rule)["state"] == "OK"
    lose(admin, somebody)
    # A Glance that has validated the token accepts it for a while.
    eventually("a run notices it", lambda: rules.run(rule)["state"] != "OK")
    found = rules.show(rule)
    assert (found["state"], found["reason"]) == ("NO_CREDENTIALS", "credentials_lost")
    assert found["message"]
    get_the_role(admin, somebody)
    be_enabled(admin, somebody)
    found = rules.run(rule)
    assert (found["state"], found["reason"]) == ("OK", None)
    rules.api.call("DELETE", f"-rules/{rule['id']}")


def test_a_change_heals_a_rule_whose_trust_is_gone(
    demo: Person, admin: Person, cloud: Any, api: Callable[[Person], KingbirdAPI]
) -> None:
    rules = Rules(api(demo))
    rule = rules.make(interval=0, filters={"name": "none"})
    (trust,) = trusts(admin, cloud)
    assert rules.run(rule)["state"] == "OK"
    demo.keystone("DELETE", f"/OS-TRUST/trusts/{trust['id']}")
    # A Glance that has validated the token accepts it for a while.
    eventually("a run notices it", lambda: rules.run(rule)["state"] != "OK")
    found = rules.show(rule)
    assert (found["state"], found["reason"]) == ("NO_CREDENTIALS", "trust_gone")
    rules.change(rule, description="with a new trust")
    assert rules.run(rule)["state"] == "OK"
    (new,) = trusts(admin, cloud)
    assert new["id"] != trust["id"]
    rules.change(rule, description="with another one")
    (newer,) = trusts(admin, cloud)
    assert newer["id"] != new["id"], "the old one is deleted"
    rules.api.call("DELETE", f"-rules/{rule['id']}")
    assert not trusts(admin, cloud)


def test_a_dry_run_of_a_rule_writes_nothing(
    newcomer: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    rules = Rules(api(newcomer))
    rule = rules.make(interval=0)
    before = rules.show(rule)["last_run_at"]
    image = newcomer.make("RegionOne", **PRIVATE)["id"]
    found = rules.run(rule, dry_run=True)
    assert found["last_run_at"] == before
    job = rules.api.wait(found["last_job"])
    assert {item["sync_status"] for item in job.items} == {"PLANNED"}
    assert not seen(newcomer, "RegionTwo", image)
    found = rules.run(rule)
    assert rules.api.wait(found["last_job"]).status == SUCCESS
    assert seen(newcomer, "RegionTwo", image)
    rules.api.call("DELETE", f"-rules/{rule['id']}")


def test_an_application_credential_makes_no_rule(
    demo: Person, application_token: str, api: Callable[[Person], KingbirdAPI]
) -> None:
    rule = {"name": "rule", **wildcard()}
    answer = api(demo).call("POST", "-rules", json={"rule": rule}, token=application_token)
    assert (answer.status_code, "makes no trust" in answer.text) == (403, True)
