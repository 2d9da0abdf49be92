"""The peak memory of an engine during a large job."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.scene import fill
from benchmarks.service import wildcard
from benchmarks.table import Row
from benchmarks.world import World

REGIONS = 10
MISSING = DRIFTED = 0.01
AT_MOST = 200


def status(pid: int, name: str) -> int:
    """Return a number of a process's status, such as its threads or its memory in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"Nothing tells {name} of process {pid}")


def peak(pid: int) -> float:
    """Return the peak memory of a process in MiB."""
    return status(pid, "VmHWM") / 1024


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Sync any to any in a new engine, with some images missing and some drifted."""
    count = 5_000 if quick else 100_000
    with world.glances(REGIONS) as glances:
        fill(glances, count, missing=MISSING, drifted=DRIFTED)
        with world.kingbird() as kingbird:
            pid = kingbird.engine_pid()
            idle = peak(pid)
            # Drift is reported as a failure.
            job = kingbird.run(world.person(), wildcard(), expected="FAILURE")
            most = peak(pid)
            reasons = kingbird.reasons(job.id)
    items = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
    yield Row(
        f"peak memory of an engine: {count} images in {REGIONS} regions, any to any",
        most,
        AT_MOST,
        f"{idle:.0f} MiB before its first job, {most - idle:.0f} MiB for the job; "
        f"items: {items}; {job.seconds:.1f} s",
        unit="MiB",
    )
