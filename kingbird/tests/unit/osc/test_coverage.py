"""Each call of the API has a command, also where it may be about another project."""

import functools
import re
from typing import Any

import pytest
import yaml

from kingbird.policies import sync_jobs
from kingbird.tests.api import fixtures, store
from kingbird.tests.api.world import IMAGE
from kingbird.tests.guide.pages import ROOT
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import Osc
from kingbird.tests.unit.osc.test_documentation import COMMANDS, parser_of

#: A command that makes the call, by the operation's name in the description of the API.
COMMAND_OF = {
    "list_sync_jobs": ("list",),
    "list_sync_jobs_detail": ("list", "--long"),
    "list_active_sync_jobs": ("list", "--active"),
    "create_sync_job": ("create", IMAGE, "--source", "RegionOne", "--target", "RegionTwo"),
    "show_sync_job": ("show", fixtures.ENDED_JOB),
    "delete_sync_job": ("delete", fixtures.ENDED_JOB),
    "cancel_sync_job": ("cancel", fixtures.RUNNING_JOB),
    "retry_sync_job": ("retry", fixtures.FAILED_JOB),
    "apply_sync_job": ("apply", fixtures.DRY_RUN),
    "undo_sync_job": ("undo", fixtures.ENDED_JOB),
    "list_sync_state": ("state",),
    "show_sync_state": ("image", "show", IMAGE),
    "list_sync_rules": ("rule", "list"),
    "create_sync_rule": ("rule", "create", "golden", "--all"),
    "show_sync_rule": ("rule", "show", store.RIGHTS_RULE),
    "update_sync_rule": ("rule", "enable", store.RIGHTS_RULE),
    "delete_sync_rule": ("rule", "delete", store.RIGHTS_RULE),
    "run_sync_rule": ("rule", "run", store.RIGHTS_RULE, "--dry-run"),
    "list_engines": ("engine", "list"),
}
#: Calls for which there is no command, and why.
NO_COMMAND = {
    "list_versions": "keystoneauth asks it by itself",
    "show_version": "keystoneauth asks it by itself; there is one version",
    "show_description": "is for programs, and needs no token; curl fetches it",
}


@functools.cache
def operations() -> dict[str, tuple[str, str]]:
    """Return method and path of each operation that is described, by its name."""
    described: dict[str, Any] = yaml.load(
        (ROOT / "api-ref" / "openapi.yaml").read_text(), yaml.CSafeLoader
    )
    return {
        call["operationId"]: (method.upper(), path)
        for path, calls in described["paths"].items()
        for method, call in calls.items()
    }


def test_each_operation_has_a_command_or_a_reason() -> None:
    assert not COMMAND_OF.keys() & NO_COMMAND.keys()
    assert operations().keys() == COMMAND_OF.keys() | NO_COMMAND.keys()


@pytest.mark.parametrize("operation", COMMAND_OF)
def test_the_command_makes_the_call(osc: Osc, cloud: Cloud, operation: str) -> None:
    fixtures.DryRun().start_fixture()
    fixtures.Jobs().start_fixture()
    store.rules()
    done = osc(*COMMAND_OF[operation], user="admin")
    assert done.code == 0, done.err
    method, path = operations()[operation]
    wanted = re.compile(re.sub(r"{\w+}", "[0-9a-f-]+", path))
    assert [
        called
        for called, where in cloud.calls
        if called == method and wanted.fullmatch(where.partition("?")[0])
    ]


def test_what_may_be_done_in_another_project_can_be_done_there() -> None:
    (rule,) = (each for each in sync_jobs.RULES if each.name == sync_jobs.OTHER_PROJECTS)
    elsewhere = {(each["method"], each["path"]) for each in rule.operations}
    for operation, words in COMMAND_OF.items():
        method, path = operations()[operation]
        (name,) = (
            name for name in COMMANDS if f"image sync {' '.join(words)} ".startswith(f"{name} ")
        )
        options = {
            option for action in parser_of(name)._actions for option in action.option_strings
        }
        takes = {"--project", "--project-domain"} & options
        assert len(takes) == (2 if (method, path) in elsewhere else 0), name
