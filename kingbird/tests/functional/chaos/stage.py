"""The target of a fault: a Kingbird in the middle of a job."""

import contextlib
import functools
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.chaos.scenes import Scene
from kingbird.tests.functional.chaos.settings import LATENCY, OPTIONS
from kingbird.tests.functional.chaos.world import SPARE, World
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync
from kingbird.tests.functional.programs import Program, eventually
from kingbird.tests.functional.proxy import Fault as Breakage
from kingbird.tests.functional.proxy import Matcher

#: The number of images of a job that is requested during a fault.
FEW = 20
#: Seconds within which the API has to answer during any fault.
SOON = 10.0


def kind(database: str, backend: str) -> Kind:
    """Return the deployment for faults.  SQLite stands for the embedded default."""
    embedded = database == "SQLite"
    return Kind(
        database,
        broker=not embedded,
        backend=backend,
        engines=0 if embedded else 2,
        options=OPTIONS,
        relayed=True,
    )


def count(program: Program, text: str) -> int:
    """Return how often the log of a program has a text."""
    return program.log.read_text(errors="replace").count(text)


def _has_told(program: Program, text: str, times: int) -> bool:
    return count(program, text) >= times


@dataclass
class Stage:
    """One job, the processes that work on it, and the findings.

    :ivar since: the beginning of the recovery, which each fault sets.
    :ivar more: other jobs that were requested meanwhile.
    :ivar problems: violations that were found.
    :ivar notes: remarks for the report.
    """

    world: World
    kingbird: Deployment
    rows: Rows
    scene: Scene
    rng: random.Random
    job_id: str
    since: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    more: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def api(self) -> KingbirdAPI:
        """Return the API of the user."""
        return KingbirdAPI(self.kingbird.url, self.world.demo)

    @property
    def programs(self) -> list[Program]:
        """Return the programs that work on jobs."""
        kingbird = self.kingbird
        if not kingbird.kind.standalone:
            return kingbird.engines
        assert kingbird.api is not None
        return [kingbird.api]

    @property
    def has_ended(self) -> bool:
        """Return True if the job has ended."""
        return self.rows.has_ended(self.job_id)

    def begin(self) -> None:
        """Measure the recovery from now on."""
        self.since = datetime.now(UTC).replace(tzinfo=None)

    def note(self, text: str) -> None:
        """Add a remark to the report."""
        self.notes.append(text)

    def engine_ids(self, program: Program) -> set[str]:
        """Return the names under which a program's engines hold leases."""
        pids = program.pids
        return {engine for engine, pid in self.rows.engines().items() if pid in pids}

    def working(self) -> Program:
        """Return a program that holds a lease of the job."""

        def look() -> list[Program]:
            holders = self.rows.holders(self.job_id)
            return [each for each in self.programs if self.engine_ids(each) & holders]

        found: list[Program] = eventually("an engine works on the job", look, seconds=10)
        return self.rng.choice(found)

    def target(self) -> str:
        """Return one target region of the job."""
        return self.rng.choice(self.scene.targets)

    def wait(self, seconds: float) -> None:
        """Wait for some time, even if the job ends meanwhile."""
        time.sleep(seconds)

    def trouble(
        self, region: str, seconds: float, breakage: Breakage, matches: Matcher = lambda _: True
    ) -> None:
        """Apply a fault to the calls to a region for some time."""
        with self.world.proxies[region].broken(breakage, matches):
            self.wait(seconds)
        self.begin()

    def ask_again(self) -> None:
        """Request another job, which the API has to accept during any fault."""
        begun = time.monotonic()
        answer = self.api.post(*self.scene.sets(FEW))
        self.note(f"asked for a job meanwhile: {time.monotonic() - begun:.1f} s")
        if answer.status_code == 200:
            self.more.append(answer.json()["job_status"]["id"])
        else:
            self.problems.append(f"a job was answered {answer.status_code}: {answer.text[:300]}")

    def spare(self) -> dict[str, Any]:
        """Return a set of a few images for a region that has none of them, and no other scene."""
        self.world.standin.clear(SPARE)
        return sync(*self.scene.plain[:FEW], source=self.scene.source, target=SPARE)

    def delete_at_the_end(self) -> None:
        """Request another job, and delete it as soon as all of its items have ended."""
        answer = self.api.delete_at_the_end(self.api.accepted(self.spare()))
        if answer.status_code != 200:
            self.problems.append(
                f"DELETE after the last item had ended: {answer.status_code} {answer.text[:300]}"
            )

    def probe(self, token: str | None = None) -> None:
        """List the jobs.  During any fault the API has to answer with a list or 503, and soon.

        :param token: a token other than the one that requested the job.
        """
        self._ask("GET of jobs", {200, 503}, lambda: self.api.call("GET", token=token))

    def ask_in_vain(self) -> None:
        """Request another job while a needed service is away.  The API has to answer 503 soon."""
        self._ask("POST of a job", {503}, lambda: self.api.post(*self.scene.sets(FEW)))

    def _ask(self, what: str, wanted: set[int], ask: Callable[[], requests.Response]) -> None:
        begun = time.monotonic()
        try:
            answer = ask()
        except requests.RequestException as error:
            self.problems.append(f"{what}: {type(error).__name__}")
            return
        seconds = time.monotonic() - begun
        self.note(f"{what}: {answer.status_code} in {seconds:.1f} s")
        if answer.status_code not in wanted:
            self.problems.append(f"{what}: {answer.status_code} {answer.text[:300]}")
        if seconds > SOON:
            self.problems.append(f"{what}: {answer.status_code} only after {seconds:.1f} s")

    @contextlib.contextmanager
    def reloaded(self, **values: float) -> Iterator[None]:
        """Change options of ``[sync]`` in running engines, and change them back afterwards."""
        self._reload(values)
        try:
            yield
        finally:
            self._reload({name: OPTIONS["sync"][name] for name in values})

    def _reload(self, values: Mapping[str, float]) -> None:
        self.kingbird.change("sync", **values)
        for program in self.programs:
            told = f"Option sync.{next(iter(values))} changed from"
            # The program and its workers reload separately.
            wanted = count(program, told) + len(program.pids)
            program.send_alone(signal.SIGHUP)
            eventually(
                f"{program.name} has read {values}",
                functools.partial(_has_told, program, told, wanted),
            )

    def restore(self) -> None:
        """Start the programs that have stopped, so that another fault can be injected."""
        restore(self.kingbird)


def restore(kingbird: Deployment) -> None:
    """Start the programs of a Kingbird that have stopped, and let its services answer."""
    for relay in kingbird.relays.values():
        relay.go_on()
    if kingbird.kind.standalone:
        if kingbird.api is None or not kingbird.api.is_running:
            kingbird.start_standalone()
    else:
        kingbird.engines = [each for each in kingbird.engines if each.is_running]
        while len(kingbird.engines) < kingbird.kind.engines:
            kingbird.start_engine()
        if kingbird.api is None or not kingbird.api.is_running:
            kingbird.start_api()
    kingbird.wait_until_ready()


@dataclass(frozen=True)
class Fault:
    """A fault that happens once in the middle of a job.

    :ivar act: the function that injects the fault and returns when it is over.
    :ivar real: the fault concerns Glances and needs real ones.
    :ivar parts: the moment, as the part of the job's records that were requested by then; below 0,
        right after the job was accepted.
    :ivar latency: the delay of stand-ins in milliseconds, which sets the length of the job.
    :ivar needs: parts that the embedded default lacks: ``database``, ``broker``, ``engines``.
    """

    name: str
    act: Callable[[Stage], None]
    real: bool = False
    parts: tuple[float, float] = (0.05, 0.7)
    latency: float = LATENCY
    needs: str | None = None

    def fits(self, database: str) -> bool:
        """Return True if the fault can be injected into a Kingbird on that database."""
        return database != "SQLite" or self.needs is None
