"""Try each rule and each call with all tokens, with and without a policy file."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import webob
from oslo_policy import policy

from kingbird import policies
from kingbird.api import app
from kingbird.api.controllers.v1 import root as v1
from kingbird.tests.api import fixtures, store
from kingbird.tests.api.world import IMAGE, OTHER_PROJECT, PROJECT, World

#: Tokens that no policy file grants anything.  The empty name means no token.
NOBODIES = {"": "401", "unscoped": "403", "system": "403", "no-role": "403"}

#: A row has rules, a call, its job and the status for each token.  A number after a colon is the
#: count of jobs in a list.  A job or a rule with ``+data`` has data imported, one with
#: ``+orphans`` has orphans hidden, and one with ``+metadef`` is about metadata definitions.
DEFAULTS = """
rules                call    job           service reader member admin other other-admin
engines:list         engines -             403     403    403    200   403   403
create               create  -             403     403    200    200   403   403
list,all_projects    list    -             403     200:4  200:4  200:7 403   200:7
list,all_projects    detail  -             403     200:4  200:4  200:7 403   200:7
list,all_projects    active  -             403     200:1  200:1  200:2 403   200:2
show                 show    success       403     200    200    200   403   200
delete               delete  success       403     403    200    200   403   200
cancel               cancel  running       403     403    202    202   403   202
retry                retry   failure       403     403    202    202   403   403
apply                apply   dry           403     403    202    202   403   403
undo                 undo    success       403     403    202    202   403   403
create:all_projects  undo    all-failure   403     403    404    202   403   403
all_projects         undo    all-failure   403     403    404    202   403   403
import               create  +data         403     403    200    200   403   403
import               retry   failure+data  403     403    202    202   403   403
import               make-rule +data       403     403    201    201   403   403
import               change-rule rule+data 403     403    200    200   403   403
import               apply   dry+data      403     403    202    202   403   403
create:metadef       create  +metadef      403     403    403    200   403   403
create:metadef       retry   all-failure+metadef 403 403  404    202   403   403
create:metadef       apply   all-dry+metadef 403   403    404    202   403   403
create:metadef       make-rule +metadef    403     403    403    201   403   403
create:metadef       change-rule all-rule+metadef 403 403 404    200   403   403
create:all_projects  create  everybody's   403     403    403    200   403   403
create:all_projects  retry   all-failure   403     403    404    202   403   403
create:all_projects  apply   all-dry       403     403    404    202   403   403
all_projects         show    all-failure   403     404    404    200   403   200
all_projects         delete  all-failure   403     403    404    200   403   200
all_projects         cancel  all-running   403     403    404    202   403   202
all_projects         retry   all-failure   403     403    404    202   403   403
all_projects         apply   all-dry       403     403    404    202   403   403
other_projects       list    theirs        403     403    403    200:2 200:2 200:2
other_projects       detail  theirs        403     403    403    200:2 200:2 200:2
other_projects       active  theirs        403     403    403    200:1 200:1 200:1
other_projects       show    their-success 403     403    403    200   200   200
other_projects       delete  their-success 403     403    403    200   200   200
other_projects       cancel  their-running 403     403    403    202   202   202
sync_rules:create    make-rule   rule      403     403    201    201   403   403
sync_rules:create:all_projects make-rule all-rule 403 403 403    201   403   403
sync_rules:list,all_projects list-rules -  403     200:1  200:1  200:2 403   200:2
sync_rules:show      show-rule   rule      403     200    200    200   403   200
sync_rules:update    change-rule rule      403     403    200    200   403   403
sync_rules:create:all_projects change-rule all-rule 403 403 404  200   403   403
sync_rules:delete    delete-rule rule      403     403    204    204   403   204
sync_rules:run       run-rule    rule      403     403    202    202   403   403
all_projects         show-rule   all-rule  403     404    404    200   403   200
all_projects         change-rule all-rule  403     403    404    200   403   403
all_projects         delete-rule all-rule  403     403    404    204   403   204
all_projects         run-rule    all-rule  403     403    404    202   403   403
other_projects       list-rules  theirs    403     403    403    200:1 200:1 200:1
other_projects,all_projects list-rules everybody's 403 403 403   200:3 403   200:3
other_projects       show-rule   their-rule 403    403    403    200   200   200
other_projects       delete-rule their-rule 403    403    403    204   204   204
sync_rules:orphans   create  +orphans      403     403    403    200   403   403
sync_rules:orphans   retry   failure+orphans 403   403    403    202   403   403
sync_rules:orphans   apply   dry+orphans   403     403    403    202   403   403
sync_rules:orphans   undo    success+orphans 403   403    403    202   403   403
sync_rules:orphans   make-rule +orphans    403     403    403    201   403   403
sync_rules:orphans   change-rule rule+orphans 403  403    403    200   403   403
sync_rules:orphans   run-rule rule+orphans 403     403    403    202   403   403
sync_state:list      state   -             403     200:1  200:1  200:1 403   403
sync_state:list:all_projects state everybody's 403 403    403    200:2 403   403
sync_state:list:all_projects state +metadef 403    403    403    200:2 403   403
sync_state:show      show-state -          403     200    200    200   403   403
"""
#: A policy file that grants each rule to a role of its own.
OPERATOR = """
rules                call    job           operator service member admin other-admin
engines:list         engines -             200      403     403    403   403
create               create  -             200      403     403    403   403
create:all_projects  create  everybody's   200      403     403    403   403
list,all_projects    list    -             200:7    403     403    403   403
list,all_projects    detail  -             200:7    403     403    403   403
list,all_projects    active  -             200:2    403     403    403   403
show                 show    success       200      403     403    403   403
delete               delete  success       200      403     403    403   403
cancel               cancel  running       202      403     403    403   403
retry                retry   failure       202      403     403    403   403
apply                apply   dry           202      403     403    403   403
undo                 undo    success       202      403     403    403   403
import               create  +data         200      403     403    403   403
import               retry   failure+data  202      403     403    403   403
import               make-rule +data       201      403     403    403   403
import               change-rule rule+data 200      403     403    403   403
import               apply   dry+data      202      403     403    403   403
create:metadef       create  +metadef      200      403     403    403   403
create:metadef       retry   all-failure+metadef 202 403    403    403   403
create:metadef       apply   all-dry+metadef 202    403     403    403   403
create:metadef       make-rule +metadef    201      403     403    403   403
create:metadef       change-rule all-rule+metadef 200 403   403    403   403
all_projects         show    all-failure   200      403     403    403   403
all_projects         delete  all-failure   200      403     403    403   403
all_projects         cancel  all-running   202      403     403    403   403
all_projects,create:all_projects retry all-failure 202 403  403    403   403
all_projects,create:all_projects apply all-dry     202 403  403    403   403
all_projects,create:all_projects undo  all-failure 202 403  403    403   403
other_projects       list    theirs        200:2    403     403    403   403
other_projects       detail  theirs        200:2    403     403    403   403
other_projects       active  theirs        200:1    403     403    403   403
other_projects       show    their-success 200      403     403    403   403
other_projects       delete  their-success 200      403     403    403   403
other_projects       cancel  their-running 202      403     403    403   403
sync_rules:create    make-rule   rule      201      403     403    403   403
sync_rules:create:all_projects make-rule all-rule 201 403   403    403   403
sync_rules:list,all_projects list-rules -  200:2    403     403    403   403
sync_rules:show      show-rule   rule      200      403     403    403   403
sync_rules:update    change-rule rule      200      403     403    403   403
sync_rules:create:all_projects change-rule all-rule 200 403 403    403   403
sync_rules:delete    delete-rule rule      204      403     403    403   403
sync_rules:run       run-rule    rule      202      403     403    403   403
all_projects         show-rule   all-rule  200      403     403    403   403
all_projects         change-rule all-rule  200      403     403    403   403
all_projects         delete-rule all-rule  204      403     403    403   403
all_projects         run-rule    all-rule  202      403     403    403   403
other_projects       list-rules  theirs    200:1    403     403    403   403
other_projects,all_projects list-rules everybody's 200:3 403 403 403 403
other_projects       show-rule   their-rule 200     403     403    403   403
other_projects       delete-rule their-rule 204     403     403    403   403
sync_rules:orphans   create  +orphans      200      403     403    403   403
sync_rules:orphans   retry   failure+orphans 202    403     403    403   403
sync_rules:orphans   apply   dry+orphans   202      403     403    403   403
sync_rules:orphans   undo    success+orphans 202    403     403    403   403
sync_rules:orphans   make-rule +orphans    201      403     403    403   403
sync_rules:orphans   change-rule rule+orphans 200   403     403    403   403
sync_rules:orphans   run-rule rule+orphans 202      403     403    403   403
sync_state:list      state   -             200:1    403     403    403   403
sync_state:list:all_projects state everybody's 200:2 403   403    403   403
sync_state:list:all_projects state +metadef 200:2  403     403    403   403
sync_state:show      show-state -          200      403     403    403   403
"""
#: A policy file that changes some rules: readers create, members do not delete, a service lists,
#: only admins have data imported, and an admin is bound to its own project.
SITE = """
rules                call    job           service reader member admin other other-admin
create               create  -             403     200    200    200   403   403
create:all_projects  create  everybody's   403     403    403    200   403   403
delete               delete  success       403     403    403    200   403   403
list                 list    -             200:4   403    403    403   403   403
list                 detail  -             200:4   403    403    403   403   403
show                 show    failure       403     200    200    200   403   403
all_projects         show    all-failure   403     404    200    200   403   403
retry                retry   failure       403     202    202    202   403   403
apply                apply   dry           403     202    202    202   403   403
undo                 undo    success       403     202    202    202   403   403
create               create  +data         403     403    403    200   403   403
retry                retry   failure+data  403     403    403    202   403   403
sync_rules:create    make-rule +data       403     403    403    201   403   403
sync_rules:update    change-rule rule+data 403     403    403    200   403   403
apply                apply   dry+data      403     403    403    202   403   403
"""

#: Method, and the path after ``/os-sync``.
CALLS = {
    "list": ("GET", ""),
    "active": ("GET", "/active"),
    "create": ("POST", ""),
    "show": ("GET", "/{job_id}"),
    "delete": ("DELETE", "/{job_id}"),
    "cancel": ("POST", "/{job_id}/cancel"),
    "retry": ("POST", "/{job_id}/retry"),
    "apply": ("POST", "/{job_id}/apply"),
    "undo": ("POST", "/{job_id}/undo"),
    "detail": ("GET", "/detail"),
    "engines": ("GET", "-engines"),
    "list-rules": ("GET", "-rules"),
    "make-rule": ("POST", "-rules"),
    "show-rule": ("GET", "-rules/{rule_id}"),
    "change-rule": ("PATCH", "-rules/{rule_id}"),
    "delete-rule": ("DELETE", "-rules/{rule_id}"),
    "run-rule": ("POST", "-rules/{rule_id}/run"),
    "state": ("GET", "-state"),
    "show-state": ("GET", "-state/{image_id}"),
}
#: The fields that a word after a plus adds to a set.
OPTIONS = {
    "data": {"data": "import"},
    "orphans": {"on_orphan": "hide"},
    "metadef": {"resource_type": "metadef"},
}
#: Calls whose answer is a list.
LISTS = ("list", "active", "detail", "list-rules", "state")
RULES = {
    rule.name.removeprefix("kingbird:").removeprefix("sync_jobs:"): rule
    for rule in policies.list_rules()
    if isinstance(rule, policy.DocumentedRuleDefault)
}


class Row(NamedTuple):
    """One row of a table.

    :ivar statuses: the status for each token.
    """

    rules: list[str]
    call: str
    job: str
    statuses: dict[str, str]


def _rows(table: str) -> list[Row]:
    head, *rows = (line.split() for line in table.strip().splitlines())
    return [
        Row(
            row[0].split(","), row[1], row[2], NOBODIES | dict(zip(head[3:], row[3:], strict=True))
        )
        for row in rows
    ]


def _cases() -> Iterator[object]:
    for name, table, fixture in (
        ("defaults", DEFAULTS, None),
        ("operator", OPERATOR, fixtures.OperatorPolicy),
        ("site", SITE, fixtures.SitePolicy),
    ):
        for row in _rows(table):
            yield pytest.param(fixture, row, id=f"{name}-{row.call}-{row.job}-{row.rules[0]}")


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Return a world with a policy file, or without one."""
    opened = fixtures.World()
    opened.start_fixture()
    policy_file = request.param and request.param()
    if policy_file:
        policy_file.start_fixture()
    yield fixtures.current()
    if policy_file:
        policy_file.stop_fixture()
    opened.stop_fixture()


def _store(row: Row) -> None:
    """Store the job or the rule that the call of a row needs."""
    job, _, option = row.job.partition("+")
    options = OPTIONS.get(option, {})
    if job in store.RIGHTS_JOBS:
        store.rights_jobs(job, **options)
    if job in store.RIGHTS_RULES or row.call == "make-rule":
        # A call that makes a rule begins with none.
        store.rights_rules(*(() if row.call == "make-rule" else (job,)), **options)


def _ask_each(world: World, row: Row) -> Iterator[tuple[str, str]]:
    """Make the call of a row with each token, and yield what it answers.

    A refused call changes nothing, so the next one finds what the last one has found.
    """
    changed = True
    for token in row.statuses:
        if changed:
            _store(row)
        answer = _ask(world, row, token)
        changed = answer.startswith("2") and CALLS[row.call][0] != "GET"
        yield token, answer


def _ask(world: World, row: Row, token: str) -> str:
    """Make the call of a row and return its status and the number of listed jobs."""
    job, _, option = row.job.partition("+")
    options = OPTIONS.get(option, {})
    method, end = CALLS[row.call]
    project = OTHER_PROJECT if row.job.startswith("their") else PROJECT
    path = f"/v1.0/{project}/os-sync{end}".format(
        job_id=store.RIGHTS_JOB, rule_id=store.RIGHTS_RULE, image_id=IMAGE
    )
    if row.call in ("state", "list-rules") and row.job == "everybody's":
        path += "?all_projects=true"
    elif row.call == "state" and option == "metadef":
        path += "?resource_type=metadef"
    request = webob.Request.blank(path, method=method, headers={"X-Auth-Token": token})
    if not token:
        del request.headers["X-Auth-Token"]
    wanted: dict[str, Any] = {"resource_type": "image", "resources": ["*"]}
    wanted |= {"source": "RegionOne", "target": ["RegionTwo"]}
    wanted["all_projects"] = job in ("everybody's", "all-rule")
    wanted |= options
    if row.call == "create":
        request.json = {"resource_set": wanted}
    elif row.call == "make-rule":
        request.json = {"rule": {"name": "all", **wanted}}
    elif row.call == "run-rule" and options:
        request.json = {"orphan_limit": 40}
    elif row.call == "change-rule":
        # A rule about images hears of events.
        request.json = {"rule": {"description": "new", "events": option != "metadef"}}
    answer = request.get_response(world.application)
    body = answer.json if row.call in LISTS else {}
    shown = body.get("job_set") or body.get("rules") or body.get("images") or ()
    return f"{answer.status_int}:{len(shown)}" if shown else str(answer.status_int)


@pytest.mark.parametrize(("world", "row"), list(_cases()), indirect=["world"])
def test_everybody_gets_what_the_table_says(world: World, row: Row) -> None:
    if row.call == "list-rules":
        store.rights_rules(*store.RIGHTS_RULES)
    elif row.call == "state":
        store.states()
    elif row.call in LISTS:
        store.rights_jobs(*store.RIGHTS_JOBS)
    assert dict(_ask_each(world, row)) == row.statuses


def _operations(rule: str) -> set[tuple[str, str]]:
    return {(each["method"], each["path"]) for each in RULES[rule].operations}


def _tried(table: str) -> set[tuple[str, tuple[str, str]]]:
    """Return the rules and calls of rows that grant somebody access."""
    return {
        (rule, (CALLS[row.call][0], f"/v1.0/{{project_id}}/os-sync{CALLS[row.call][1]}"))
        for row in _rows(table)
        for rule in row.rules
        if any(status.startswith("2") for status in row.statuses.values())
    }


def test_every_route_has_rules() -> None:
    routes = {
        (method, route.template(v1.VERSION)): operation.rules
        for route in v1.ROUTES
        for method, operation in route.operations().items()
        if route.template(v1.VERSION) not in app.PUBLIC
    }
    assert routes.keys() == set().union(*map(_operations, RULES))
    for call, rules in routes.items():
        assert rules, call
        for rule in rules:
            assert call in _operations(rule.removeprefix("kingbird:").removeprefix("sync_jobs:"))


@pytest.mark.parametrize("table", [DEFAULTS, OPERATOR], ids=["defaults", "operator"])
def test_every_rule_is_tried_with_every_call(table: str) -> None:
    assert _tried(table) == {(rule, call) for rule in RULES for call in _operations(rule)}
