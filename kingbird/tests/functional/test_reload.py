"""SIGHUP: what may change in a running program changes, and the program runs on."""

import signal
from collections.abc import Callable

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync, whole
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
    everything = whole(filters={"status": "queued"}, dry_run=True)
    assert api.run(everything).status == SUCCESS
    # gunicorn begins anew in its workers.
    lasting = [program for program in programs(running) if program.name != "gunicorn"]
    pids = [program.pids for program in lasting]

    running.change("sync", max_items_per_job=1)
    for program in programs(running):
        # As a service manager does; workers are told by the program.
        program.send_alone(signal.SIGHUP)

    # What is named the API counts, what is in a region its engine.
    def refused() -> bool:
        answer = api.post(sync(*images, dry_run=True))
        return answer.status_code == 400 and "max_items_per_job" in answer.text

    eventually("the API has read it", refused)
    eventually("the engine has read it", lambda: api.run(everything).status == FAILURE)
    assert [program.pids for program in lasting] == pids, "something was started again"
