"""Guru Meditation Reports: each process writes a report and runs on."""

import re
import signal
import time
from collections.abc import Callable
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path

import pytest

from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.leaks.search import search
from kingbird.tests.functional.leaks.secrets_seen import PASSWORD, TOKEN, TRUST
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

DeployOwn = Callable[[Kind], Deployment]

END = "upgrade_levels:"


def reports(folder: Path) -> dict[int, str]:
    """Return the complete reports in a folder, by process."""
    found = {}
    for file in folder.glob("*_gurumeditation_*"):
        text = file.read_text()
        if END in text:
            found[int(file.name.split("_")[1])] = text
    return found


def check(report: str) -> None:
    """Check the required content of a report."""
    assert "product = Kingbird" in report
    assert re.search(r"^====  +Threads  +====$", report, re.MULTILINE)
    assert "connection = ***" in report


def check_secrets(folder: Path, running: Deployment) -> None:
    """Check that reports contain no secrets of the cloud or of the configuration."""
    config = RawConfigParser(default_section="no section stands for all")
    config.read(running.config)
    WATCH.secrets.see_config({name: dict(config[name]) for name in config.sections()})
    secrets = WATCH.secrets.of(TOKEN, PASSWORD, TRUST)
    assert config["keystone_authtoken"]["password"] in secrets
    assert not list(search(secrets, folder.iterdir()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the directory for reports."""
    made = tmp_path / "reports"
    made.mkdir()
    return made


@pytest.mark.parametrize("backend", ["threading", "eventlet"])
@pytest.mark.parametrize("kind", [Kind("MariaDB", broker=True), Kind()], ids=["engine", "all"])
def test_by_a_signal(
    kind: Kind, backend: str, demo: Person, deploy_own: DeployOwn, folder: Path
) -> None:
    options = {"oslo_reports": {"log_dir": folder}}
    running = deploy_own(replace(kind, backend=backend, options=options))
    program = running.api if kind.standalone else running.engines[0]
    assert program is not None
    api = KingbirdAPI(running.url, demo)
    # By now there are tokens, and there was a trust.
    assert api.run(sync(demo.make("RegionOne")["id"])).status == SUCCESS
    program.send(signal.SIGUSR2)
    assert eventually("each has written", lambda: reports(folder).keys() == program.pids)
    for report in reports(folder).values():
        check(report)
    check_secrets(folder, running)
    # The report of the working engine names its task.
    (worker,) = [report for report in reports(folder).values() if "works on = " in report]
    assert "stopping = False" in worker
    _, green = re.split(r"^====  +Green Threads  +====$", worker, flags=re.MULTILINE)
    assert "kingbird/engine/" in (green if backend == "eventlet" else worker)
    assert api.run(sync(demo.make("RegionOne")["id"])).status == SUCCESS
    assert program.stop() == 0


def test_by_a_file(demo: Person, deploy_own: DeployOwn, folder: Path, tmp_path: Path) -> None:
    """gunicorn uses the signal itself, so the file triggers the report."""
    services.require("RabbitMQ", "MariaDB")
    file = tmp_path / "ask"
    file.touch()
    options = {"oslo_reports": {"log_dir": folder, "file_event_handler": file}}
    running = deploy_own(Kind("MariaDB", broker=True, workers=2, options=options))
    assert running.api is not None
    # A process that has started to watch the file by now sees the change.
    time.sleep(1.1)
    file.touch()
    expected = 1 + running.kind.workers
    assert eventually("each has written", lambda: len(reports(folder)) >= expected)
    for report in reports(folder).values():
        check(report)
    check_secrets(folder, running)
    # Kingbird's own programs react to the signal as well.
    for written in folder.iterdir():
        written.unlink()
    (engine,) = running.engines
    engine.send(signal.SIGUSR2)
    assert eventually("each has written", lambda: reports(folder).keys() == engine.pids)
    assert KingbirdAPI(running.url, demo).jobs() == []
