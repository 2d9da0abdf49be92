"""The main job on each concurrency backend, and the programs that no other test runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import Program, eventually, free_port, run
from kingbird.tests.functional.test_records import ami_trio

EVENTLET = {
    "api and engine": Kind("MariaDB", broker=True, backend="eventlet"),
    "standalone": Kind(backend="eventlet"),
}


@pytest.mark.parametrize("kind", EVENTLET.values(), ids=EVENTLET)
def test_eventlet(kind: Kind, demo: Person, deploy_own: Callable[[Kind], Deployment]) -> None:
    running = deploy_own(kind)
    api = KingbirdAPI(running.url, demo)
    trio = ami_trio(demo)
    images = [demo.make("RegionOne", tags=["one"]) for _ in range(10)]
    ids = [trio["ami"]["id"], *(image["id"] for image in images)]
    for force in (False, True):
        job = api.run(sync(*ids, target=["RegionTwo", "RegionThree"], force=force))
        assert job.status == SUCCESS
        assert {item["reason"] for item in job.items} == {"created"}
        assert len(job.items) == 2 * (len(ids) + 2)
    for image in images:
        assert demo.see("RegionThree", image["id"])["tags"] == ["one"]
    for program in (*running.engines, running.api):
        assert program is not None
        assert program.stop() == 0, program.tail()


def test_two_engines_share_the_work(
    demo: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    # Engines poll once a minute here, so faster jobs and tasks prove that messages arrive.
    running = deploy_own(Kind("PostgreSQL", broker=True, engines=2))
    api = KingbirdAPI(running.url, demo)
    jobs = [
        api.accepted(
            sync(
                *(demo.make("RegionOne")["id"] for _ in range(3)),
                target=["RegionTwo", "RegionThree"],
            )
        )
        for _ in range(6)
    ]
    assert {api.wait(job_id).status for job_id in jobs} == {SUCCESS}
    assert len(running.rows()["engines"]) == 2
    for engine in running.engines:
        assert " ended: SUCCESS" in engine.log.read_text(), "an engine did nothing"
        assert engine.stop() == 0, engine.tail()
    assert running.rows()["engines"] == []


def test_manage_and_status(deployment: Deployment) -> None:
    config = ("--config-file", deployment.config)
    again = run("kingbird-manage", *config, "db", "sync")
    assert again.returncode == 0, again.stderr
    version = run("kingbird-manage", *config, "db", "version")
    # Without a log file, oslo.log writes to standard output too.
    assert version.stdout.split()[-1] == again.stdout.split()[-1]
    status = run("kingbird-status", *config, "upgrade", "check")
    assert status.returncode == 0, f"{status.stdout}{status.stderr}"
    assert "Success" in status.stdout


def test_status_of_an_empty_database(deployment: Deployment, tmp_path: Path) -> None:
    config = tmp_path / "kingbird.conf"
    config.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/empty.sqlite\n")
    status = run("kingbird-status", "--config-file", config, "upgrade", "check")
    assert status.returncode == 2, f"{status.stdout}{status.stderr}"
    assert "kingbird-manage db sync" in " ".join(status.stdout.replace("|", " ").split())


def test_the_small_server(deployment: Deployment, tmp_path: Path, demo: Person) -> None:
    port = free_port()
    extra = tmp_path / "port.conf"
    extra.write_text(f"[api]\nport = {port}\n")
    files = ["--config-file", str(deployment.config), "--config-file", str(extra)]
    program = Program(["kingbird-api", *files], tmp_path / "api.log", backend="threading")
    try:
        url = f"http://127.0.0.1:{port}"
        eventually("kingbird-api answers", lambda: program.answers(url))
        image = demo.make("RegionOne")
        assert KingbirdAPI(url, demo).run(sync(image["id"])).status == SUCCESS
    finally:
        assert program.stop() == 0, program.tail()
