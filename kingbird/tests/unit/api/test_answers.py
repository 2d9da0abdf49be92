"""Handle a response that breaks its schema, by ``[api] response_validation``."""

import logging
from typing import Any

import pytest

from kingbird.api.controllers.v1 import root
from kingbird.api.views import sync_jobs as view
from kingbird.tests.api.world import World
from kingbird.tests.unit.api.conftest import JOBS, Call, caller, request_body

#: A value that no log and no message may contain.
VALUE = "a-value-of-the-callers"
FAULTS = {
    JOBS: "list_sync_jobs does not match its schema at job_set[0] (additionalProperties)",
    "/v1.0": "show_version does not match its schema at version (additionalProperties)",
}


@pytest.fixture
def call(world: World, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Give a way to call an application that adds a field to jobs and versions."""
    made = caller(world.unchecked)
    assert made(JOBS, "POST", body=request_body()).status_int == 200
    summary, version = view.render_summary, root.version

    def and_more(function: Any) -> Any:
        return lambda *given: {**function(*given), "note": VALUE}

    monkeypatch.setattr(view, "render_summary", and_more(summary))
    monkeypatch.setattr(root, "version", and_more(version))
    return made


@pytest.fixture(params=FAULTS)
def path(request: pytest.FixtureRequest) -> str:
    """Give a path whose answer is checked behind a token, and one without."""
    found: str = request.param
    return found


def check(world: World, mode: str) -> None:
    """Choose what becomes of the answer."""
    world.conf.set_override("response_validation", mode, group="api")


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says from a warning on."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("kingbird")
    ]


def test_error(world: World, call: Call, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """It becomes a 500 that says which field is at fault, and so does the log."""
    check(world, "error")
    response = call(path)
    assert response.status_int == 500
    assert response.json["error"]["message"] == f"Response of {FAULTS[path]}"
    (complaint,) = complaints(caplog)
    assert FAULTS[path] in complaint
    assert VALUE not in response.text + caplog.text


def test_warn(world: World, call: Call, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """It goes out as it is, and the log says which field is at fault."""
    check(world, "warn")
    response = call(path)
    assert response.status_int == 200
    assert VALUE in response.text
    assert complaints(caplog) == [f"Response of {FAULTS[path]}"]
    assert VALUE not in caplog.text


def test_ignore(world: World, call: Call, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """It goes out as it is, and nobody says a word."""
    check(world, "ignore")
    response = call(path)
    assert response.status_int == 200
    assert VALUE in response.text
    assert complaints(caplog) == []
    assert VALUE not in caplog.text
