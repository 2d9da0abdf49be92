"""The enforcer says no in Kingbird's words, and changes with the policy file."""

from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg
from oslo_policy import policy

from kingbird import exception
from kingbird.context import RequestContext
from kingbird.policies import base, enforcer, engines, list_rules, sync_jobs, sync_rules

PROJECT = "a" * 32
TARGET = {"project_id": PROJECT}
RULES = (
    sync_jobs.CREATE,
    sync_jobs.LIST,
    sync_jobs.SHOW,
    sync_jobs.DELETE,
    sync_jobs.CANCEL,
    sync_jobs.RETRY,
    sync_jobs.IMPORT,
    sync_jobs.ALL_PROJECTS,
    sync_jobs.OTHER_PROJECTS,
    sync_jobs.CREATE_ALL_PROJECTS,
    sync_jobs.CREATE_METADEF,
    sync_rules.ORPHANS,
    engines.LIST,
)


READS = {"list", "show"}
ACTS = {*READS, "create", "delete", "cancel", "retry", "import"}


def context(*roles: str, **more: Any) -> RequestContext:
    return RequestContext(**{"project_id": PROJECT, "roles": roles, "overwrite": False, **more})


def allowed(conf: cfg.ConfigOpts, asking: RequestContext) -> set[str]:
    made = enforcer.Enforcer(conf)
    return {
        rule.removeprefix("kingbird:sync_jobs:")
        for rule in RULES
        if made.allows(asking, rule, TARGET)
    }


@pytest.mark.parametrize(
    ("roles", "rules"),
    [
        ([], set()),
        (["service"], set()),
        (["reader"], READS),
        (["service", "reader"], READS),
        (["member", "reader"], ACTS),
        (["manager", "member", "reader"], ACTS),
        (
            ["admin", "manager", "member", "reader"],
            {
                *(
                    *ACTS,
                    "all_projects",
                    "create:all_projects",
                    "create:metadef",
                    "other_projects",
                ),
                *("kingbird:engines:list", "kingbird:sync_rules:orphans"),
            },
        ),
    ],
)
def test_what_roles_may_do(conf: cfg.ConfigOpts, roles: list[str], rules: set[str]) -> None:
    assert allowed(conf, context(*roles)) == rules


def test_roles_in_another_project(conf: cfg.ConfigOpts) -> None:
    members = ("manager", "member", "reader")
    assert allowed(conf, context(*members, project_id="b" * 32)) == set()
    # These two are about jobs of other projects.
    admin = context("admin", *members, project_id="b" * 32)
    assert allowed(conf, admin) == {"all_projects", "other_projects"}


@pytest.mark.parametrize(
    "scope",
    [
        {"project_id": None, "system_scope": "all"},
        {"project_id": None, "domain_id": "default"},
        {"project_id": None},
    ],
)
def test_other_scopes_may_nothing(conf: cfg.ConfigOpts, scope: dict[str, Any]) -> None:
    assert allowed(conf, context("admin", "member", "reader", **scope)) == set()


def test_no_has_the_rules_name(conf: cfg.ConfigOpts) -> None:
    with pytest.raises(exception.Forbidden, match="kingbird:sync_jobs:create doesn't allow"):
        enforcer.Enforcer(conf).authorize(context("reader"), sync_jobs.CREATE, TARGET)


def test_yes_is_no_error(conf: cfg.ConfigOpts) -> None:
    enforcer.Enforcer(conf).authorize(context("member", "reader"), sync_jobs.CREATE, TARGET)


def test_a_token_of_no_project_may_nothing_whatever_a_rule_says(
    conf: cfg.ConfigOpts, tmp_path: Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f'"{sync_jobs.LIST}": "@"\n')
    enforcer.Enforcer(conf)  # registers the option
    conf.set_override("policy_file", str(path), group="oslo_policy")
    made = enforcer.Enforcer(conf)
    made.authorize(context("nobody"), sync_jobs.LIST, TARGET)
    with pytest.raises(exception.Forbidden, match="scoped to a project"):
        made.authorize(context("admin", project_id=None), sync_jobs.LIST, TARGET)


def test_a_wrong_scope_is_called_that(conf: cfg.ConfigOpts) -> None:
    asking = context("admin", project_id=None, system_scope="all")
    with pytest.raises(exception.Forbidden, match="scoped to a project"):
        enforcer.Enforcer(conf).authorize(asking, sync_jobs.CREATE, TARGET)


def test_an_unknown_rule_is_a_mistake_and_no_answer(conf: cfg.ConfigOpts) -> None:
    with pytest.raises(policy.PolicyNotRegistered):
        enforcer.Enforcer(conf).authorize(context("admin"), "kingbird:nothing", TARGET)


@pytest.mark.parametrize(("roles", "is_admin"), [(["admin"], True), (["member"], False)])
def test_admins(conf: cfg.ConfigOpts, roles: list[str], is_admin: bool) -> None:
    made = enforcer.Enforcer(conf)
    assert made.allows(context(*roles), base.ADMIN_REQUIRED, TARGET) is is_admin


def test_a_policy_file_changes_rules(conf: cfg.ConfigOpts, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"kingbird:sync_jobs:create": "role:sync_operator"\n')
    conf_with_file = enforcer.Enforcer(conf)._enforcer.conf
    conf_with_file.set_override("policy_file", str(path), group="oslo_policy")
    # A retry syncs images, so it follows the rule for creation.
    assert allowed(conf, context("sync_operator", "reader")) == {"create", "retry", *READS}
    assert not {"create", "retry"} & allowed(conf, context("member", "reader"))


def test_every_call_is_documented() -> None:
    documented = {
        (operation["method"], operation["path"])
        for rule in list_rules()
        if isinstance(rule, policy.DocumentedRuleDefault)
        for operation in rule.operations
    }
    assert documented == {
        ("POST", "/v1.0/{project_id}/os-sync"),
        ("GET", "/v1.0/{project_id}/os-sync"),
        ("GET", "/v1.0/{project_id}/os-sync/active"),
        ("GET", "/v1.0/{project_id}/os-sync/detail"),
        ("GET", "/v1.0/{project_id}/os-sync/{job_id}"),
        ("DELETE", "/v1.0/{project_id}/os-sync/{job_id}"),
        ("POST", "/v1.0/{project_id}/os-sync/{job_id}/cancel"),
        ("POST", "/v1.0/{project_id}/os-sync/{job_id}/retry"),
        ("POST", "/v1.0/{project_id}/os-sync/{job_id}/apply"),
        ("POST", "/v1.0/{project_id}/os-sync/{job_id}/undo"),
        ("GET", "/v1.0/{project_id}/os-sync-engines"),
        ("POST", "/v1.0/{project_id}/os-sync-rules"),
        ("GET", "/v1.0/{project_id}/os-sync-rules"),
        ("GET", "/v1.0/{project_id}/os-sync-rules/{rule_id}"),
        ("PATCH", "/v1.0/{project_id}/os-sync-rules/{rule_id}"),
        ("DELETE", "/v1.0/{project_id}/os-sync-rules/{rule_id}"),
        ("POST", "/v1.0/{project_id}/os-sync-rules/{rule_id}/run"),
        ("GET", "/v1.0/{project_id}/os-sync-state"),
        ("GET", "/v1.0/{project_id}/os-sync-state/{image_id}"),
    }


#: Policy files of operators have these names.
NAMES = {
    *("admin_required", "project_member", "project_reader", "kingbird:engines:list"),
    *(
        f"kingbird:sync_jobs:{name}"
        for name in (*ACTS, "apply", "undo", "all_projects", "other_projects")
    ),
    *(f"kingbird:sync_rules:{name}" for name in (*READS, "create", "update", "delete", "run")),
    *(f"kingbird:sync_{noun}:create:all_projects" for noun in ("jobs", "rules")),
    *("kingbird:sync_jobs:create:metadef", "kingbird:sync_rules:orphans"),
    *(f"kingbird:sync_state:{name}" for name in (*READS, "list:all_projects")),
}


def test_every_rule_is_for_projects_and_described() -> None:
    rules = list(list_rules())
    assert {rule.name for rule in rules} == NAMES
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.scope_types == ["project"]
        assert rule.description
        assert rule.deprecated_rule is None


def test_what_oslo_policys_tools_get() -> None:
    made = enforcer.get_enforcer()
    assert set(RULES) <= set(made.registered_rules)


ADMINS = {
    *("admin_required", "kingbird:engines:list", "kingbird:sync_rules:orphans"),
    *(f"kingbird:sync_{noun}:create:all_projects" for noun in ("jobs", "rules")),
    *(f"kingbird:sync_jobs:{name}" for name in ("all_projects", "other_projects")),
    *("kingbird:sync_jobs:create:metadef", "kingbird:sync_state:list:all_projects"),
}
READERS = {
    "project_reader",
    *(f"kingbird:sync_{noun}:{name}" for noun in ("jobs", "rules", "state") for name in READS),
}


@pytest.mark.parametrize(
    ("role", "rules"),
    [
        ("reader", READERS),
        ("member", NAMES - READERS - ADMINS),
        # In Keystone it implies the others.
        ("admin", ADMINS),
        ("manager", set()),
    ],
)
def test_each_rule_is_for_one_role(conf: cfg.ConfigOpts, role: str, rules: set[str]) -> None:
    made = enforcer.Enforcer(conf)
    assert {one for one in NAMES if made.allows(context(role), one, TARGET)} == rules


#: Rules that are not about a project of their own.
ANYWHERE = {"admin_required", *(f"kingbird:sync_jobs:{one}_projects" for one in ("all", "other"))}


@pytest.mark.parametrize("role", ["reader", "member", "admin"])
def test_no_rule_is_for_another_project(conf: cfg.ConfigOpts, role: str) -> None:
    made = enforcer.Enforcer(conf)
    asking = context(role, project_id="b" * 32)
    allowed = {one for one in NAMES if made.allows(asking, one, TARGET)}
    assert allowed == (ANYWHERE if role == "admin" else set())
