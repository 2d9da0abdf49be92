"""Hooks of schemathesis, which run in its process.

schemathesis loads the module that ``SCHEMATHESIS_HOOKS`` names.  Its documentation lists the names
of hooks.
"""

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import schemathesis
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from schemathesis.core.parameters import ParameterLocation

from kingbird.tests.functional.fuzz.names import Names
from kingbird.tests.functional.fuzz.plain import make_plain
from kingbird.tests.functional.fuzz.scene import Scene
from kingbird.text import CONTROL

SCENE = Scene.load()
NAMES = Names(SCENE)

#: Longer responses are not recorded.
MOST = 200_000
#: Reasons to refuse a body that matches the schema.
REASONS = re.compile(
    r"names a region without an image endpoint|which is the only source"
    r"|leaves no region to sync to|must be no more than size_max|names nothing in this list"
    r"|because both sets name image"
    r"|is no target region of the job|the job has no item of"
    r"|have different values of resource_type|as resources is not|together they can have"
    r"|is no image's id|must be an image id|must be the id of an image|max_items_per_job"
    # A comma in a name separates two names of a list.
    r"|region is .*; it must be the name of a region"
)

_lock = threading.Lock()


@schemathesis.auth(refresh_interval=900)
class Token:
    """A token of the member in the environment."""

    def get(self, case: Any, context: Any) -> str:
        """Return a token that is valid for some time."""
        names = ("auth_url", "username", "password", "user_domain_id", "project_domain_id")
        given: dict[str, Any] = {name: os.environ[f"OS_{name.upper()}"] for name in names}
        auth = v3.Password(**given, project_id=SCENE.project)
        return str(Session(auth=auth).get_token())

    def set(self, case: Any, data: str, context: Any) -> None:
        """Add the token to a request."""
        case.headers = {**(case.headers or {}), "X-Auth-Token": data}


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Prepare the document for fuzzing and add links from an accepted job to its other calls."""
    make_plain(raw_schema)
    follow = ("show_sync_job", "cancel_sync_job", "retry_sync_job", "delete_sync_job")
    answers = raw_schema["paths"]["/v1.0/{project_id}/os-sync"]["post"]["responses"]
    answers["200"]["links"] = {
        operation: {
            "operationId": operation,
            "parameters": {
                "path.project_id": SCENE.project,
                "path.job_id": "$response.body#/job_status/id",
            },
        }
        for operation in follow
    }


def _is_valid(case: Any, location: ParameterLocation) -> bool:
    meta = case.meta
    if meta is None:
        return True
    info = meta.components.get(location)
    return info is None or info.mode.is_positive


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Replace made-up names in a valid request."""
    with _lock:
        if case.path_parameters and _is_valid(case, ParameterLocation.PATH):
            NAMES.path(case.path_parameters, case.query, case.body)
        for name, value in (case.headers or {}).items():
            # The web server refuses what Kingbird then never sees.
            case.headers[name] = CONTROL.sub("", value) if isinstance(value, str) else value
        if case.query:
            is_valid = _is_valid(case, ParameterLocation.QUERY)
            if is_valid:
                NAMES.query(case.query)
            NAMES.fit(case.query, is_valid=is_valid)
        if _is_valid(case, ParameterLocation.BODY):
            NAMES.body(case.body)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Record the request and the response."""
    text = response.content.decode("utf-8", "replace")
    entry = {
        "operation": case.operation.definition.raw.get("operationId"),
        "method": case.method,
        "url": response.request.url,
        "status": response.status_code,
        "headers": dict(response.headers),
        "answer": text if len(text) <= MOST else None,
    }
    with _lock:
        with Path(SCENE.record).open("a") as file:
            file.write(f"{json.dumps(entry)}\n")
        if case.method == "POST" and response.status_code == 200:
            NAMES.jobs.append(response.json()["job_status"]["id"])


@schemathesis.check
def nothing_of_another_project(ctx: Any, response: Any, case: Any) -> None:
    """Check that the response contains nothing of another project."""
    text = response.content.decode("utf-8", "replace")
    for image in SCENE.foreign_images:
        assert image not in text, f"An image of another project is in the answer: {image}"
    if response.status_code < 400:
        for job in SCENE.foreign_jobs:
            assert job not in text, f"A job of another project is in the answer: {job}"


@schemathesis.check
def refused_for_a_reason(ctx: Any, response: Any, case: Any) -> None:
    """Check that a valid request is refused only for reasons that no schema can express."""
    if response.status_code != 400 or case.meta is None:
        return
    if not case.meta.generation.mode.is_positive:
        return
    message = response.json()["error"]["message"]
    assert REASONS.search(message), f"A valid request was refused: {message}"
