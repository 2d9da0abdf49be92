"""The examples of the documentation match the responses of the application.

``make examples`` records them anew.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import webob
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.api import openapi
from kingbird.api.controllers.root import ROUTES
from kingbird.api.openapi import examples
from kingbird.db import api as db
from kingbird.tests.api import fixtures, store
from kingbird.tests.api.world import IMAGE, IMAGE_2, NAMESPACE, PROJECT, World

FOLDER = Path(__file__).parents[3] / "api-ref" / "examples"
#: Record the examples instead of comparing them.
WRITE = "KINGBIRD_WRITE_EXAMPLES"

JOBS = f"/v1.0/{PROJECT}/os-sync"
RULES = f"{JOBS}-rules"
RULE = f"{RULES}/{store.RIGHTS_RULE}"

ONE_SET = {
    "resource_type": "image",
    "resources": [IMAGE],
    "source": "RegionOne",
    "target": ["RegionTwo", "RegionThree"],
}

#: Name, operation, summary, method, path, body and token of each call.
CALLS: list[tuple[Any, ...]] = [
    ("list-versions", "list_versions", "The versions", "GET", "/", None, None),
    ("show-version", "show_version", "The version", "GET", "/v1.0", None, None),
    (
        *("create-one-set", "create_sync_job", "One set", "POST", JOBS),
        {"resource_set": {**ONE_SET, "force": False}},
        "member",
    ),
    (
        *("create-several-sets", "create_sync_job", "Several sets make one job", "POST", JOBS),
        {
            "resource_set": {
                "Sync": [
                    ONE_SET,
                    {
                        **ONE_SET,
                        "resources": [IMAGE_2],
                        "source": ["RegionOne", "RegionTwo"],
                        "target": ["RegionThree"],
                        "force": True,
                    },
                ]
            }
        },
        "member",
    ),
    (
        *("create-any-to-any", "create_sync_job", "All images to all regions", "POST", JOBS),
        {
            "resource_set": {
                "resource_type": "image",
                "resources": ["*"],
                "source": "*",
                "target": ["*"],
                "filters": {"status": "active", "tag": ["golden"]},
                "on_drift": "update",
                "prune": True,
                "dry_run": True,
            }
        },
        "member",
    ),
    (
        *("create-metadef", "create_sync_job", "Metadata definitions, for admins", "POST", JOBS),
        {
            "resource_set": {
                "resource_type": "metadef",
                "resources": [NAMESPACE],
                "source": "RegionOne",
                "target": ["*"],
                "on_drift": "update",
            }
        },
        "admin",
    ),
    (
        *("create-unknown-region", "create_sync_job", "An unknown region", "POST", JOBS),
        {"resource_set": {**ONE_SET, "target": ["Nowhere"]}},
        "member",
    ),
    ("list-jobs", "list_sync_jobs", "A page of jobs", "GET", f"{JOBS}?limit=2", None, "reader"),
    (
        *("list-jobs-detail", "list_sync_jobs_detail", "Two jobs in detail", "GET"),
        *(f"{JOBS}/detail?limit=2", None, "reader"),
    ),
    ("list-active", "list_active_sync_jobs", "Jobs", "GET", f"{JOBS}/active", None, "reader"),
    (
        *("show-job", "show_sync_job", "A job that failed in part", "GET"),
        *(f"{JOBS}/{fixtures.FAILED_JOB}", None, "reader"),
    ),
    (
        *("show-metadef-job", "show_sync_job", "A job about metadata definitions", "GET"),
        *(f"{JOBS}/{fixtures.METADEF_JOB}", None, "admin"),
    ),
    (
        *("show-job-not-planned", "show_sync_job", "A job that is not planned yet", "GET"),
        *(f"{JOBS}/{fixtures.RUNNING_JOB}?limit=1", None, "reader"),
    ),
    (
        *("show-no-job", "show_sync_job", "No such job", "GET"),
        *(f"{JOBS}/dddddddd-0000-4000-8000-00000000000f", None, "reader"),
    ),
    (
        *("delete-running-job", "delete_sync_job", "A job in progress", "DELETE"),
        *(f"{JOBS}/{fixtures.RUNNING_JOB}", None, "member"),
    ),
    (
        *("cancel-job", "cancel_sync_job", "The job ends early", "POST"),
        *(f"{JOBS}/{fixtures.RUNNING_JOB}/cancel", None, "member"),
    ),
    (
        *("cancel-part", "cancel_sync_job", "One region is cancelled", "POST"),
        *(f"{JOBS}/{fixtures.RUNNING_JOB}/cancel", {"regions": ["RegionTwo"]}, "member"),
    ),
    (
        *("apply-dry-run", "apply_sync_job", "A job of its own", "POST"),
        *(f"{JOBS}/{fixtures.DRY_RUN}/apply", None, "member"),
    ),
    (
        *("apply-no-dry-run", "apply_sync_job", "Not a dry run", "POST"),
        *(f"{JOBS}/{fixtures.FAILED_JOB}/apply", None, "member"),
    ),
    (
        *("undo-job", "undo_sync_job", "A job of its own", "POST"),
        *(f"{JOBS}/{fixtures.ENDED_JOB}/undo", None, "member"),
    ),
    (
        *("undo-dry-run", "undo_sync_job", "A dry run has written nothing", "POST"),
        *(f"{JOBS}/{fixtures.DRY_RUN}/undo", None, "member"),
    ),
    (
        *("retry-job", "retry_sync_job", "The job goes on", "POST"),
        *(f"{JOBS}/{fixtures.FAILED_JOB}/retry", None, "member"),
    ),
    (
        *("delete-job", "delete_sync_job", "The job is gone", "DELETE"),
        *(f"{JOBS}/{fixtures.ENDED_JOB}", None, "member"),
    ),
    (
        *("create-rule", "create_sync_rule", "A project's golden images", "POST", RULES),
        {
            "rule": {
                "name": "golden",
                "description": "Golden images in all regions",
                "resource_type": "image",
                "resources": ["*"],
                "source": "RegionOne",
                "target": ["*"],
                "filters": {"tag": ["golden"]},
                "on_drift": "update",
                "interval": 3600,
            }
        },
        "member",
    ),
    ("list-rules", "list_sync_rules", "The rules", "GET", RULES, None, "reader"),
    ("show-rule", "show_sync_rule", "A rule that does not run", "GET", RULE, None, "reader"),
    (
        *("update-rule", "update_sync_rule", "The rule runs", "PATCH", RULE),
        {"rule": {"enabled": True}},
        "member",
    ),
    (
        *("run-rule-twice", "run_sync_rule", "A run is in progress", "POST", f"{RULE}/run"),
        *(None, "member"),
    ),
    (
        *("run-rule-dry", "run_sync_rule", "A dry run", "POST"),
        *(f"{RULES}/{store.RIGHTS_RULE[:-1]}1/run", {"dry_run": True}, "member"),
    ),
    ("delete-rule", "delete_sync_rule", "The rule is gone", "DELETE", RULE, None, "member"),
    (
        *("list-state", "list_sync_state", "What is not in order", "GET"),
        *(f"{JOBS}-state?limit=1", None, "reader"),
    ),
    (
        *("list-metadef-state", "list_sync_state", "Namespaces that are not in order", "GET"),
        *(f"{JOBS}-state?resource_type=metadef&limit=1", None, "admin"),
    ),
    (
        *("show-state", "show_sync_state", "An image in each region", "GET"),
        *(f"{JOBS}-state/{IMAGE}", None, "reader"),
    ),
    (
        *("list-engines", "list_engines", "An engine and a listener live", "GET"),
        *(f"/v1.0/{PROJECT}/os-sync-engines", None, "admin"),
    ),
    (
        *("list-engines-refused", "list_engines", "Not for members", "GET"),
        *(f"/v1.0/{PROJECT}/os-sync-engines", None, "member"),
    ),
]

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")

#: Keep the ids that tests chose.
_CHOSEN = re.compile("0000-4000-8000")


def normal(text: str) -> str:
    """Return a response whose ids and times are the same in each run."""
    made = sorted(set(_UUID.findall(text)), key=text.index)
    number = 0
    for each in made:
        if not _CHOSEN.search(each):
            number += 1
            text = text.replace(each, f"0d1f6b3e-6a2c-4d0e-9a55-{number:012}")
    return _MOMENT.sub("2026-11-22T23:35:22.722237", text)


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, Any]]:
    """Make all calls in order and return the examples by name."""
    found = {}
    with World() as world:
        fixtures.DryRun().start_fixture()
        fixtures.Metadefs().start_fixture()
        fixtures.Jobs().start_fixture()
        store.rules()
        store.states()
        db.engines.heartbeat(
            "node1:4711",
            host="node1",
            pid=4711,
            version="1.0.0",
            rpc_version="1.2",
            regions={"RegionThree": {"breaker": "open", "since": 1_795_736_122_722}},
        )
        db.listeners.beat(
            "node2:815",
            host="node2",
            pid=815,
            version="1.0.0",
            regions={
                "RegionOne": {"connected": True, "heard": 1_795_736_122_722, "since": 1},
                "RegionTwo": {"connected": False, "heard": None, "since": None},
            },
        )
        for name, operation, summary, method, path, body, token in CALLS:
            request = webob.Request.blank(
                path, method=method, base_url="http://kingbird.test:8118"
            )
            if token is not None:
                request.headers["X-Auth-Token"] = token
            asked = {"method": method, "path": path}
            if body is not None:
                request.json = asked["body"] = body
            response = request.get_response(world.application)
            found[name] = {
                "operation": operation,
                "summary": summary,
                "request": asked,
                "response": {
                    "status": response.status_int,
                    "body": json.loads(normal(response.text)) if response.body else None,
                },
            }
    return found


@pytest.mark.parametrize("name", [call[0] for call in CALLS])
def test_example(recorded: dict[str, dict[str, Any]], name: str) -> None:
    path = FOLDER / f"{name}.json"
    text = json.dumps(recorded[name], indent=2) + "\n"
    if os.environ.get(WRITE):
        path.write_text(text)
    assert path.read_text() == text


def test_no_other_examples() -> None:
    assert {path.stem for path in FOLDER.glob("*")} == {call[0] for call in CALLS}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the document with its examples."""
    conf = cfg.ConfigOpts()
    kingbird_conf.register_opts(conf)
    conf([], project="kingbird", default_config_files=[], default_config_dirs=[])
    return openapi.build(conf, ROUTES, examples.read(FOLDER))


def test_each_example_is_valid(document: dict[str, Any]) -> None:
    parts = [*document["components"]["responses"].values()]
    for path in document["paths"].values():
        for operation in path.values():
            parts += [operation.get("requestBody", {}), *operation["responses"].values()]
    checked = 0
    for part in parts:
        for media in part.get("content", {}).values():
            schema = {**media["schema"], "components": document["components"]}
            for example in media.get("examples", {}).values():
                jsonschema_rs.validate(schema, example["value"])
                checked += 1
    # Each response but the empty one, and the bodies of eight valid requests.
    assert checked == len(CALLS) - 1 + 8


def test_each_call_has_an_example(document: dict[str, Any]) -> None:
    shown = {call[1] for call in CALLS}
    calls = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    }
    # The example of this call would repeat the document within itself.
    assert calls - shown == {"show_description"}
