"""The command line: python -m mutate."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mutate import rooms, survivors
from mutate.mutants import Mutant, SourceFile
from mutate.trial import PASSED, USAGE, Trial, Trials, module_name

#: Seconds for tests as they are.
BASE_TIMEOUT = 900.0
#: Seconds after which tests of a change hang: these, and a multiple of their usual time.
HANGS, HANGS_FACTOR = 20.0, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Try mutants until the time is over, and return 1 if too many survive."""
    parser = argparse.ArgumentParser(prog="mutate", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="no trial begins after these")
    parser.add_argument("--seed", type=int, default=None, help="chooses the mutants")
    parser.add_argument("--only", help="a pattern of files: kingbird/sync/*.py")
    parser.add_argument("--jobs", type=int, default=2, help="trials at the same time")
    parser.add_argument("--most", type=int, default=None, help="mutants of each file")
    parser.add_argument("--threshold", type=float, default=90, help="per cent that have to die")
    parser.add_argument("--count", action="store_true", help="only count the mutants")
    options = parser.parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    root = Path.cwd()
    files = [SourceFile(root, path) for path in rooms.changed_files(root, options.only)]
    print(f"{sum(map(len, files))} mutants in {len(files)} files, seed {seed}", flush=True)
    if options.count:
        print(*(f"{len(file):6} {file.path}" for file in files), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        run = Run(root, Path(folder), files, options.jobs)
        run.check(files)
        until = time.monotonic() + 60 * options.minutes
        run.run(sample(files, random.Random(seed), options.most), lambda: time.monotonic() > until)
    return report(run, options.threshold)


def sample(
    files: Sequence[SourceFile], rng: random.Random, most: int | None = None
) -> Iterator[Mutant]:
    """Yield the mutants of files in turns, one of each file, in an order that chance chooses.

    :param most: of each file.
    """
    left = {file.path: rng.sample(range(len(file)), len(file))[:most] for file in files}
    while any(left.values()):
        for file in rng.sample(files, len(files)):
            while left[file.path]:
                mutant = file.mutant(left[file.path].pop())
                if mutant is not None:
                    yield mutant
                    break


class Run:
    """Trials and their results.

    :ivar died: mutants that a test noticed, by file.
    :ivar hung: those of them whose tests hung.
    :ivar survived: mutants that no test noticed.
    """

    def __init__(self, root: Path, folder: Path, files: Sequence[SourceFile], jobs: int) -> None:
        self._trials = Trials(folder, [module_name(file.path) for file in files])
        self._tests = {file.path: rooms.tests_of(root, file.path) for file in files}
        self._jobs = jobs
        self._usual: dict[str, float] = {}
        self.died: Counter[str] = Counter()
        self.hung: list[Mutant] = []
        self.survived: list[Mutant] = []

    def check(self, files: Sequence[SourceFile]) -> None:
        """Run the tests on the code as it is, for their time.

        :raises SystemExit: a test fails.
        """
        tests = {test for file in files for test in self._tests[file.path]}
        starts = (
            partial(self._trials.start, test, None, [test], BASE_TIMEOUT) for test in sorted(tests)
        )
        for trial, code in self._results(starts):
            if code != PASSED:
                raise SystemExit(f"{trial.what} fails as it is:\n{trial.log.read_text()}")
            self._usual[trial.what] = trial.seconds

    def run(self, mutants: Iterator[Mutant], is_over: Callable[[], bool]) -> None:
        """Try mutants until there are none or the time is over."""

        def starts() -> Iterator[Callable[[], Trial]]:
            for mutant in mutants:
                if is_over():
                    return
                yield partial(self._start, mutant)

        for trial, code in self._results(starts()):
            mutant = trial.what
            if code == USAGE:
                raise SystemExit(trial.log.read_text())
            if code == PASSED:
                self.survived.append(mutant)
                print(mutant, flush=True)
                continue
            self.died[mutant.path] += 1
            if code == -1:
                self.hung.append(mutant)

    def _start(self, mutant: Mutant) -> Trial:
        tests = self._tests[mutant.path]
        timeout = HANGS + HANGS_FACTOR * sum(self._usual[test] for test in tests)
        return self._trials.start(mutant, (mutant.path, mutant.source), tests, timeout)

    def _results(self, starts: Iterator[Callable[[], Trial]]) -> Iterator[tuple[Trial, int]]:
        """Yield trials with pytest's exit codes, while as many run as are allowed."""
        running: list[Trial] = []
        while True:
            while len(running) < self._jobs and (start := next(starts, None)):
                running.append(start())
            if not running:
                return
            for trial in list(running):
                code = trial.result()
                if code is not None:
                    running.remove(trial)
                    yield trial, code
                    shutil.rmtree(f"{trial.log}.files", ignore_errors=True)
            time.sleep(0.02)


def report(run: Run, threshold: float) -> int:
    """Print the result of each file and of all, and return 1 if too many mutants survive."""
    named = survivors.read()
    nameless = [one for one in run.survived if not survivors.is_named(one, named)]
    by_file = Counter(one.path for one in run.survived)
    print(f"\n{'died':>6} {'survived':>9}")
    for path in sorted({*run.died, *by_file}):
        print(f"{run.died[path]:6} {by_file[path]:9}  {path}")
    died = run.died.total()
    tried = died + len(run.survived)
    share = 100 * died / (died + len(nameless)) if tried else 100.0
    if nameless:
        print("\nTo name them in survivors.toml, with a reason:\n")
        print(*map(survivors.entry, nameless), sep="\n\n")
    print(
        f"\n{tried} mutants: {died} died ({len(run.hung)} of them hung), "
        f"{len(run.survived) - len(nameless)} survived with a reason, {len(nameless)} without: "
        f"{share:.1f} %"
    )
    return int(share < threshold)


if __name__ == "__main__":
    sys.exit(main())
