"""Transactions of claims while many engines look for work at the same moment."""

import contextlib
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from benchmarks import own_database
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.tests.functional import services
from kingbird.tests.unit.db import rows

#: Engines, the tasks that wait, the regions of a job, and the claims of each engine, which all
#: engines begin at the same moment.
ENGINES, TASKS, REGIONS, ROUNDS = 50, 10_000, 100, 4
PROJECTS = [letter * 32 for letter in "abcdef"]
LEASE = 600.0
#: Transactions that write or lock, a claim.
AT_MOST = 1.2


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Let all engines claim at once, as after a message to all of them."""
    tasks = 1_000 if quick else TASKS
    with tempfile.TemporaryDirectory(prefix="kingbird-claims-") as folder:
        yield from _measure("SQLite", f"sqlite:///{folder}/claims.sqlite", tasks)
    for database in ("MariaDB", "PostgreSQL") if world.is_complete else ():
        if not services.missing(database):
            with services.database(database) as url:
                yield from _measure(database, url, tasks)


def _measure(database: str, url: str, tasks: int) -> Iterator[Row]:
    # Each engine has connections of its own.
    with own_database.configured(url, connections=ENGINES + 1):
        _fill(tasks)
        with _writers() as written:
            seconds, claims = _claim_all()
    what = f"{database}, {ENGINES} engines look at once while {tasks:,} tasks wait"
    found = [claim for claim in claims if claim is not None]
    yield Row(
        f"{what}: transactions that write, a claim",
        len(written) / max(1, len(found)),
        AT_MOST,
        f"{len(written)} for {len(found)} claims in {seconds:.1f} s",
        unit="x",
    )
    twice = len(found) - len({claim.region_task.pk for claim in found})
    yield Row(
        f"{what}: engines told that there is nothing, and tasks claimed twice",
        len(claims) - len(found) + twice,
        0,
        f"{len(claims) - len(found)} and {twice}",
        unit="of them",
    )


def _fill(tasks: int) -> None:
    regions = [f"T{number}" for number in range(REGIONS)]
    for number in range(tasks // REGIONS):
        items = [rows.row("image", region) for region in regions]
        project = PROJECTS[number % len(PROJECTS)]
        rows.planned_job(*items, targets=regions, project=project)


@contextlib.contextmanager
def _writers() -> Iterator[list[None]]:
    """Note each transaction that writes or locks."""
    written: list[None] = []
    writer: Callable[[], contextlib.AbstractContextManager[object]] = connection.writer

    def counting() -> contextlib.AbstractContextManager[object]:
        written.append(None)
        return writer()

    with mock.patch.object(connection, "writer", counting):
        yield written


def _claim_all() -> tuple[float, list[db.Claim | None]]:
    together = threading.Barrier(ENGINES)

    def engine(number: int) -> list[db.Claim | None]:
        claims = []
        for _ in range(ROUNDS):
            together.wait()
            claims.append(db.leases.claim_task(f"engine {number}", LEASE))
        return claims

    begun = time.monotonic()
    with ThreadPoolExecutor(ENGINES) as pool:
        claims = list(itertools.chain.from_iterable(pool.map(engine, range(ENGINES))))
    return time.monotonic() - begun, claims
