"""Run rounds of all faults and print a table (``make chaos``)."""

import argparse
import contextlib
import random
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from kingbird import concurrency
from kingbird.tests.functional import services
from kingbird.tests.functional.chaos import table
from kingbird.tests.functional.chaos.faults import FAULTS
from kingbird.tests.functional.chaos.result import Result
from kingbird.tests.functional.chaos.stage import kind
from kingbird.tests.functional.chaos.trial import Trials
from kingbird.tests.functional.chaos.world import world
from kingbird.tests.functional.deployment import deploy

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DATABASES = ("MariaDB", "PostgreSQL", "SQLite")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kingbird.tests.functional.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="rounds of all faults")
    parser.add_argument("--seed", type=int, help="of the first round; each has the next one")
    parser.add_argument(
        "--database", choices=DATABASES, default="MariaDB", help="SQLite: kingbird-standalone"
    )
    parser.add_argument(
        "--only", action="append", metavar="FAULT", help=f"of: {', '.join(FAULTS)}"
    )
    parser.add_argument("--backend", choices=concurrency.BACKENDS, default="threading")
    parser.add_argument("--images", type=int, default=300, metavar="N", help="of each job")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where logs are to stay")
    options = parser.parse_args(arguments)
    for name in options.only or ():
        if name not in FAULTS:
            parser.error(f"no fault is called {name}; there are: {', '.join(FAULTS)}")
    return options


def _throw(options: argparse.Namespace, seed: int, folder: Path) -> Generator[Result, None, None]:
    names = options.only or [name for name, each in FAULTS.items() if each.fits(options.database)]
    with ExitStack() as stack:
        cloud = stack.enter_context(world(folder))
        deployed = stack.enter_context(
            deploy(kind(options.database, options.backend), cloud.cloud, folder)
        )
        cloud.kingbirds.append(deployed)
        trials = Trials(cloud, deployed, many=options.images, real=options.images)
        for number in range(options.rounds):
            for name in names:
                yield trials.run(FAULTS[name], seed + number)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP like ^C, so that nothing outlives the run.

    The run owns programs, databases and virtual hosts.
    """

    def interrupt(*_: object) -> None:
        # A second signal would interrupt the cleanup, so only the first one counts.
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in INTERRUPTS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Inject faults until the rounds are over or somebody interrupts."""
    options = _arguments(arguments)
    absent = [
        reason
        for service in kind(options.database, options.backend).services
        if (reason := services.missing(service))
    ]
    if absent:
        print("; ".join(absent), file=sys.stderr)
        return 2
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    print(f"the first seed is {seed}, the database {options.database}", flush=True)
    results: list[Result] = []
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(_interruptible())
        try:
            with contextlib.closing(_throw(options, seed, folder)) as thrown:
                for result in thrown:
                    results.append(result)
                    print(f"{result}\n  {result.seconds:.1f} s to recover", flush=True)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
    print(f"\n{table.render(results)}" if results else "nothing was thrown")
    return 0 if results and table.is_clean(results) else 1


if __name__ == "__main__":
    sys.exit(main())
