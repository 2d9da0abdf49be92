"""The cost of a thousand imports that wait: list calls, and threads, lease and memory."""

import time
from collections.abc import Iterator

from standin import Standin

from benchmarks.memory import status
from benchmarks.scene import SOURCE, fill
from benchmarks.service import Service, wildcard
from benchmarks.table import Row
from benchmarks.world import World

TARGET = "RegionTwo"
#: Seconds of an import that does not end while it is looked at.
FOR_EVER = 86400.0
#: Seconds between two looks at the engine.
POLL = 0.1
#: List calls of the first minute and of a later one, and megabytes of memory.
FIRST_MINUTE, LATER_MINUTE, MEMORY = 15, 2, 20
#: The tasks for data that an engine has a lease of: all others are released with a pause.
HELD = "SELECT COUNT(*) FROM tasks WHERE kind = 'data' AND engine_id IS NOT NULL"


def _lists(glances: Standin) -> int:
    return sum(counts.get("list", 0) for counts in glances.counts().values())


class _Watch:
    """Look at an engine for some time.

    :ivar calls: the list calls meanwhile.
    :ivar held: the share of looks at which a task for data had a lease.
    :ivar threads: the largest number of threads while there was none.
    """

    def __init__(self, glances: Standin, kingbird: Service, pid: int, seconds: float) -> None:
        before, looks, held = _lists(glances), 0, 0
        self.threads = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ((number,),) = kingbird.query(HELD)
            looks += 1
            held += bool(number)
            if not number:
                self.threads = max(self.threads, status(pid, "Threads"))
            time.sleep(POLL)
        self.calls = _lists(glances) - before
        self.held = held / looks


def _wait_for_imports(kingbird: Service, count: int) -> None:
    """Wait until the records of a job are there, and some imports run."""
    query = "SELECT data, COUNT(*) FROM items WHERE data_since > 0 GROUP BY data"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = {row[0]: row[1] for row in kingbird.query(query)}
        if found.get("importing") and sum(found.values()) >= count:
            return
        time.sleep(POLL)
    raise RuntimeError(f"The imports did not begin: {found}")


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Let imports run that don't end, and many more wait for them."""
    count, minute = (100, 10.0) if quick else (1000, 60.0)
    with world.glances(2) as glances, world.kingbird() as kingbird:
        pid = kingbird.engine_pid()
        wanted = {**wildcard(SOURCE, [TARGET]), "data": "import"}
        fill(glances, 10, missing=1.0)
        kingbird.run(world.person(), wanted)
        fill(glances, count, missing=1.0)
        for region in glances.urls:
            glances.import_time(region, FOR_EVER)
        threads, memory = status(pid, "Threads"), status(pid, "VmRSS")
        kingbird.start(world.person(), wanted)
        _wait_for_imports(kingbird, count)
        first = _Watch(glances, kingbird, pid, minute)
        if not quick:
            time.sleep(60)
        later = _Watch(glances, kingbird, pid, minute)
        grown = (status(pid, "VmRSS") - memory) / 1024
    for when, watch, most in (
        ("in the first minute", first, FIRST_MINUTE),
        ("in a minute after two", later, LATER_MINUTE),
    ):
        yield Row(
            f"data: {count} imports wait for 4 that don't end: list calls {when}",
            watch.calls,
            most,
            f"a task for data had a lease at {100 * watch.held:.1f} % of the looks",
            unit="of them",
        )
    yield Row(
        f"data: {count} imports wait for 4 that don't end: memory of the engine",
        grown,
        MEMORY,
        f"MiB more than before the job, its plan and its records included; {first.threads} and "
        f"{later.threads} threads, {threads} before",
        unit="MiB",
    )
