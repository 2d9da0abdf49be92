"""The systemd units start, reload and stop Kingbird, with paths and port of the test."""

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import BIN, Program, eventually, free_port
from kingbird.tests.functional.test_metrics import Scrape, answers
from kingbird.tests.guide.pages import literal
from kingbird.tests.guide.units import Unit
from kingbird.tests.waiting import PATIENCE

NAMES = ("kingbird-api", "kingbird-engine")
METRICS = "doc/source/admin/metrics.rst"


class Host:
    """A host as the units expect it, in a folder.

    :param running: a Kingbird whose configuration and programs the host uses.
    """

    def __init__(self, running: Deployment, folder: Path) -> None:
        self.metrics = {name: f"127.0.0.1:{free_port()}" for name in NAMES}
        self._running = running
        self._folder = folder
        self._replacements = {
            "/opt/kingbird/bin": str(BIN),
            "/etc/kingbird/kingbird.conf": str(running.config),
            "0.0.0.0:8118": running.url.removeprefix("http://"),
            "/run/kingbird-": f"{folder}/run-kingbird-",
        }
        for name in NAMES:
            (folder / f"run-{name}").mkdir()
            self._configure_metrics(name)

    def _translate(self, text: str) -> str:
        for old, new in self._replacements.items():
            text = text.replace(old, new)
        return text

    def _configure_metrics(self, name: str) -> None:
        """Write the file of the page about metrics.

        It goes into the home directory, which is searched beside ``/etc``.
        """
        place = f"{name}.conf.d/metrics.conf"
        (block,) = [text for text in literal(METRICS, "ini") if f"/etc/kingbird/{place}" in text]
        (address,) = [line for line in block.splitlines() if line.startswith("listen = ")]
        file = self._folder / ".kingbird" / place
        file.parent.mkdir(parents=True)
        file.write_text(self._translate(block.replace(address, f"listen = {self.metrics[name]}")))

    def start(self, name: str) -> Program:
        """Run a unit's ``ExecStart``."""
        unit = Unit(name)
        variables: dict[str, Any] = {
            key: self._translate(text) for key, text in unit.environment.items()
        }
        variables["HOME"] = str(self._folder)
        return Program(
            [self._translate(word) for word in unit.command()],
            self._folder / f"{name}.log",
            backend="threading",
            **variables,
        )

    @staticmethod
    def reload(name: str, program: Program) -> None:
        """Run a unit's ``ExecReload``."""
        words = [
            word.replace("$MAINPID", str(program.pid)) for word in Unit(name).command("ExecReload")
        ]
        subprocess.run(words, check=True, timeout=PATIENCE)


@pytest.fixture
def running(deploy_own: Callable[[Kind], Deployment]) -> Deployment:
    """Return a Kingbird whose programs are not started yet."""
    made = deploy_own(Kind("MariaDB", broker=True, backend="threading"))
    made.stop()
    return made


def test_the_units(running: Deployment, newcomer: Person, tmp_path: Path) -> None:
    host = Host(running, tmp_path)
    running.engines.append(host.start("kingbird-engine"))
    running.api = host.start("kingbird-api")
    programs = {"kingbird-api": running.api, "kingbird-engine": running.engines[0]}
    running.wait_until_ready()
    api = KingbirdAPI(running.url, newcomer)
    images = [newcomer.make("RegionOne", visibility="private")["id"] for _ in range(2)]
    assert api.run(sync(*images)).status == SUCCESS
    for name, address in host.metrics.items():
        eventually(f"{name} answers Prometheus", functools.partial(answers, address))
    assert Scrape(host.metrics["kingbird-engine"]).by("jobs_ended_total", "state") == {SUCCESS: 1}

    running.change("sync", max_items_per_job=1)
    for name, program in programs.items():
        host.reload(name, program)
    eventually("the API has read it", lambda: api.post(sync(*images)).status_code == 400)
    everything = wildcard(filters={"status": "queued"}, dry_run=True)
    eventually("the engine has read it", lambda: api.run(everything).status == FAILURE)
    assert {program.stop() for program in programs.values()} == {0}
