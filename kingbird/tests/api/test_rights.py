"""Each call and each rule has its triplets: who may, who may not, and what a policy file changes.

The triplets are the files ``gabbits/rbac-*.yaml``.  A call or a rule that is added without them
fails here.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from oslo_policy import policy

from kingbird import policies
from kingbird.api import app
from kingbird.api.controllers import v1
from kingbird.api.controllers.v1 import root as v1_root
from kingbird.tests.api import fixtures, world

GABBITS = Path(__file__).with_name("gabbits")

#: Whom each call has to be tried by; an empty name is a request without a token.
TOKENS = {
    *("", "unscoped", "system", "no-role", "service", "reader", "member", "admin"),
    *("other", "other-admin"),
}

Call = tuple[str, str]
"""Method and path, as policies write them."""

#: The calls that show jobs of several kinds side by side.
LISTS = {("GET", f"/v1.0/{{project_id}}/os-sync{end}") for end in ("", "/active")}

RULES = {
    rule.name: rule
    for rule in policies.list_rules()
    if isinstance(rule, policy.DocumentedRuleDefault)
}


#: What is told of a request, in its name, that is about more than the caller's own jobs.
MORE = {
    "kingbird:sync_jobs:other_projects": "another project's",
    "kingbird:sync_jobs:all_projects": "everybody's",
    "kingbird:sync_jobs:create:all_projects": "everybody's",
}


class Triplet(NamedTuple):
    """One request of a file.

    :ivar more: which of :data:`MORE` it is about, or nothing.
    """

    more: str
    call: Call
    token: str
    status: int


def _routes() -> dict[Call, tuple[str, ...]]:
    """Return the rules of each call that takes a token, read off the table that serves them."""
    return {
        (operation.method.upper(), operation.path): operation.call.rules
        for route in v1_root.ROUTES
        for operation in route.operations(v1.VERSION)
        if operation.path not in app.PUBLIC
    }


def _triplets(path: Path) -> list[Triplet]:
    """Read a file; a job's or a project's id in a path becomes its place in it."""
    content = yaml.safe_load(path.read_text())
    found = []
    for test in content["tests"]:
        method = next(each for each in ("GET", "POST", "DELETE") if each in test)
        url = test[method].partition("?")[0]
        url = re.sub("/os-sync/[-0-9a-f]{36}", "/os-sync/{job_id}", url)
        url = re.sub(f"/({world.PROJECT}|{world.OTHER_PROJECT})/", "/{project_id}/", url)
        token = test.get("request_headers", {}).get("x-auth-token", "")
        more = next((each for each in MORE.values() if f" {each} by " in test["name"]), "")
        found.append(Triplet(more, (method, url), token, test["status"]))
    return found


def _operations(rule: str) -> set[Call]:
    return {(each["method"], each["path"]) for each in RULES[rule].operations}


def _file_of(rule: str) -> Path:
    return GABBITS / f"rbac-{rule.removeprefix('kingbird:').replace(':', '.')}.yaml"


def test_every_route_has_rules() -> None:
    routes = _routes()
    assert ("DELETE", "/v1.0/{project_id}/os-sync/{job_id}") in routes
    assert routes.keys() == set().union(*map(_operations, RULES))
    for call, rules in routes.items():
        assert rules, call
        for rule in rules:
            assert call in _operations(rule), (call, rule)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_tried_by_everybody(rule: str) -> None:
    triplets = _triplets(_file_of(rule))
    assert {each.call for each in triplets} == _operations(rule)
    for call in _operations(rule):
        tried = {each.token: each.status for each in triplets if each.call == call}
        assert tried.keys() >= TOKENS, call
        assert tried[""] == 401, call
        for nobody in ("unscoped", "system", "no-role", "service"):
            assert tried[nobody] == 403, (call, nobody)
        assert any(status < 300 for status in tried.values()), call


def test_every_rule_can_be_changed_by_a_file() -> None:
    """The role that the file names may do what each rule of each call is about, others not."""
    assert fixtures.OperatorPolicy.rules.keys() == RULES.keys()
    triplets = _triplets(GABBITS / "rbac-overridden.yaml")
    for call, rules in _routes().items():
        for rule in rules:
            if MORE.get(rule) == "everybody's" and call in LISTS:
                # It shows in how many there are.
                continue
            wanted = MORE.get(rule, ""), call
            tried = {each.token: each.status for each in triplets if each[:2] == wanted}
            assert tried.keys() >= {"operator", "member", "admin", "other-admin"}, (rule, call)
            assert tried["operator"] < 300, (rule, call)
            for token in ("member", "admin", "other-admin"):
                assert tried[token] == 403, (rule, call, token)


def test_the_files_are_about_rules() -> None:
    about = {_file_of(rule) for rule in RULES}
    others = {GABBITS / "rbac-overridden.yaml", GABBITS / "rbac-overridden-some.yaml"}
    assert set(GABBITS.glob("rbac-*.yaml")) == about | others
