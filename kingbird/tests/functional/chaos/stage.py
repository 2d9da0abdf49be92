"""What a fault acts on: a Kingbird in the middle of a job."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests

from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.chaos.scenes import Scene
from kingbird.tests.functional.chaos.settings import LATENCY, OPTIONS
from kingbird.tests.functional.chaos.world import World
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import KingbirdAPI
from kingbird.tests.functional.programs import Program, eventually
from kingbird.tests.functional.proxy import Fault as Breakage
from kingbird.tests.functional.proxy import Matcher

#: Images of a job that is asked for while something is away.
FEW = 20
#: Seconds within which the API answers, whatever is away.
SOON = 10.0


def kind(database: str, backend: str) -> Kind:
    """Return what faults are thrown into: SQLite stands for the embedded default."""
    embedded = database == "SQLite"
    return Kind(
        database,
        broker=not embedded,
        backend=backend,
        engines=0 if embedded else 2,
        options=OPTIONS,
        relayed=True,
    )


@dataclass
class Stage:
    """One job, the processes that work on it, and what is found out.

    :ivar since: the moment from which on a recovery is measured; each fault sets it.
    :ivar more: other jobs that were asked for meanwhile.
    :ivar problems: what should not be.
    :ivar notes: what is worth telling.
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
        """The API as the user calls it."""
        return KingbirdAPI(self.kingbird.url, self.world.demo)

    @property
    def programs(self) -> list[Program]:
        """The programs that work on jobs."""
        kingbird = self.kingbird
        if not kingbird.kind.standalone:
            return kingbird.engines
        assert kingbird.api is not None
        return [kingbird.api]

    @property
    def has_ended(self) -> bool:
        """Whether the job has."""
        return self.rows.has_ended(self.job_id)

    def begin(self) -> None:
        """Measure the recovery from now on."""
        self.since = datetime.now(UTC).replace(tzinfo=None)

    def note(self, text: str) -> None:
        """Tell something beside what is wrong."""
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
        """Return one of the job's regions."""
        return self.rng.choice(self.scene.targets)

    def wait(self, seconds: float) -> None:
        """Let some time pass, even if the job ends meanwhile."""
        time.sleep(seconds)

    def trouble(
        self, region: str, seconds: float, breakage: Breakage, matches: Matcher = lambda _: True
    ) -> None:
        """Let a region's proxy do something to its calls for some time."""
        with self.world.proxies[region].broken(breakage, matches):
            self.wait(seconds)
        self.begin()

    def ask_again(self) -> None:
        """Ask for another job, which has to be accepted, whatever is away."""
        begun = time.monotonic()
        answer = self.api.post(*self.scene.sets(FEW))
        self.note(f"asked for a job meanwhile: {time.monotonic() - begun:.1f} s")
        if answer.status_code == 200:
            self.more.append(answer.json()["job_status"]["id"])
        else:
            self.problems.append(f"a job was answered {answer.status_code}: {answer.text[:300]}")

    def probe(self, token: str | None = None) -> None:
        """Ask for the jobs: whatever is away, the answer is a list of them or 503, and soon.

        :param token: another one than that which asked for the job.
        """
        self._ask("GET of jobs", {200, 503}, lambda: self.api.call("GET", token=token))

    def ask_in_vain(self) -> None:
        """Ask for another job without what it takes to accept one: the answer is 503, and soon."""
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

    def restore(self) -> None:
        """Start what does not run any more, so that another fault can be thrown."""
        kingbird = self.kingbird
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
    """Something that goes wrong, once, in the middle of a job.

    :ivar act: does it, and returns when it is over.
    :ivar real: whether it is about Glances, and so wants real ones.
    :ivar parts: when it comes: which part of the job's records was asked for by then; below
        0, right after the job was accepted.
    :ivar latency: milliseconds by which stand-ins answer late, and so how long the job takes.
    :ivar needs: what the embedded default does not have: ``database``, ``broker``, ``engines``.
    """

    name: str
    act: Callable[[Stage], None]
    real: bool = False
    parts: tuple[float, float] = (0.05, 0.7)
    latency: float = LATENCY
    needs: str | None = None

    def fits(self, database: str) -> bool:
        """Whether it can be thrown into a Kingbird on that database."""
        return database != "SQLite" or self.needs is None
