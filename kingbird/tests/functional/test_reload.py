"""SIGHUP changes mutable options while the program runs on."""

import functools
import signal
from collections.abc import Callable

import pytest

from kingbird import concurrency
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import Program, eventually

KINDS = {
    "API and engine": Kind("MariaDB", broker=True),
    "API and engine on eventlet": Kind("MariaDB", broker=True, backend="eventlet"),
    "standalone": Kind(),
    "standalone on eventlet": Kind(backend="eventlet"),
}


def programs(running: Deployment) -> list[Program]:
    assert running.api is not None
    return [*running.engines, running.api]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_options_change(
    kind: Kind, newcomer: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    running = deploy_own(kind)
    api = KingbirdAPI(running.url, newcomer)
    images = [newcomer.make("RegionOne", visibility="private")["id"] for _ in range(2)]
    everything = wildcard(filters={"status": "queued"}, dry_run=True)
    assert api.run(everything).status == SUCCESS
    # gunicorn replaces its workers on SIGHUP.
    lasting = [program for program in programs(running) if program.name != "gunicorn"]
    pids = [program.pids for program in lasting]

    running.change("sync", max_items_per_job=1)
    for program in programs(running):
        # Send the signal like a service manager, which leaves the workers to the program.
        program.send_alone(signal.SIGHUP)

    # The API counts images by id, and the engine counts wildcard items.
    def refused() -> bool:
        answer = api.post(sync(*images, dry_run=True))
        return answer.status_code == 400 and "max_items_per_job" in answer.text

    eventually("the API has read it", refused)
    eventually("the engine has read it", lambda: api.run(everything).status == FAILURE)
    assert [program.pids for program in lasting] == pids, "\n".join(
        ["something was started again", *(program.tail(20) for program in lasting)]
    )


def _complaints(program: Program) -> int:
    return program.log.read_text().count("Unable to reload the configuration")


def _complains_anew(program: Program, seen: int) -> bool:
    return _complaints(program) > seen


@pytest.mark.parametrize("backend", concurrency.BACKENDS)
def test_a_file_that_cannot_be_read_changes_nothing(
    backend: str, newcomer: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    """A file that an editor is still writing cannot be parsed."""
    running = deploy_own(Kind(backend=backend))
    api = KingbirdAPI(running.url, newcomer)
    image = newcomer.make("RegionOne")
    (program,) = programs(running)
    pids, original_file = program.pids, running.config.read_text()
    for broken in ("", "[keystone_authtoken]\npassword = s3cret\n s3cret2", "x"):
        seen = _complaints(program)
        running.config.write_text(broken)
        program.send_alone(signal.SIGHUP)
        eventually("the program complains", functools.partial(_complains_anew, program, seen))
    running.config.write_text(original_file)
    running.change("sync", max_items_per_job=1)
    program.send_alone(signal.SIGHUP)
    eventually(
        "the program has read it",
        lambda: api.post(sync(image["id"], image["id"][::-1])).status_code == 400,
    )
    assert api.run(sync(image["id"])).status == SUCCESS
    assert program.pids == pids
    assert "s3cret" not in program.log.read_text()
