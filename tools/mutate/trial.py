"""Run tests on changed code: each trial in a process that is forked from one with all libraries.

The changed file exists in the process's memory only, so that nothing has to be put back, and
several trials can run at the same time.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mutate import preload

#: pytest's exit codes for tests that passed, and for a wrong command line.
PASSED, USAGE = 0, 4
#: Options of pytest.  Importing all plugins would take most of a trial.  Two trials share no file.
OPTIONS = (
    *("-x", "-q", "--tb=short", "-p", "no:cacheprovider"),
    *("--disable-plugin-autoload", "-p", "_hypothesis_pytestplugin"),
    "--hypothesis-profile=mutants",
)
#: The part of a trial's time for which a test waits for something, see
#: ``kingbird/tests/waiting.py``.
PATIENCE = 0.5


class _ChangedModule(importlib.machinery.SourceFileLoader):
    """Loads one module from a text instead of its file."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Compile the text."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, path: str, source: str) -> None:
        self._loader = _ChangedModule(name, path, source)

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the changed module."""
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self._loader.path, loader=self._loader
        )


def module_name(path: str) -> str:
    """Return the dotted name of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _run(change: tuple[str, str] | None, tests: Sequence[str], timeout: float, log: str) -> None:
    """Run files of tests one after the other until one fails, and end this process.

    :param change: the path of a file and its text.
    """
    # Programs that tests have started end with the trial.
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.environ["KINGBIRD_TEST_PATIENCE"] = str(timeout * PATIENCE)
    if change is not None:
        path, source = change
        sys.meta_path.insert(0, _Finder(module_name(path), str(Path(path).resolve()), source))
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{log}.examples"
    import hypothesis
    import pytest

    # A failure is enough; no smaller example is looked for.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", deadline=None, max_examples=50, phases=phases)
    code: int = PASSED
    for test in tests:
        code = int(pytest.main([*OPTIONS, f"--basetemp={log}.files", test]))
        if code != PASSED:
            break
    # A thread that the change made wait for ever would hold an ordinary exit up.
    os._exit(code)


@dataclass
class Trial:
    """Tests that run on changed code.

    :ivar what: the changed code, or any name.
    """

    what: Any
    log: Path
    process: Any
    began: float
    timeout: float

    @property
    def seconds(self) -> float:
        """Return the seconds for which it has run."""
        return time.monotonic() - self.began

    def result(self) -> int | None:
        """Return pytest's exit code, -1 if the tests hung, or ``None`` while they run."""
        if self.process.is_alive() and self.seconds < self.timeout:
            return None
        # Processes that the tests have started belong to the same session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()
        code: int = self.process.exitcode
        return -1 if code == -signal.SIGKILL else code


class Trials:
    """Starts trials.

    :param folder: takes logs and the files of tests.
    """

    def __init__(self, folder: Path, modules: Sequence[str]) -> None:
        self._folder = folder
        self._context: Any = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["mutate.preload"])
        os.environ[preload.MODULES] = " ".join(modules)
        forkserver.ensure_running()
        del os.environ[preload.MODULES]
        self._count = 0

    def start(
        self, what: Any, change: tuple[str, str] | None, tests: Sequence[str], timeout: float
    ) -> Trial:
        """Start the tests on a change.

        :param what: is remembered with the trial.
        :param change: the path of a file and its text, or ``None`` to run the tests as they are.
        :param timeout: seconds until the tests count as hanging.
        """
        self._count += 1
        log = self._folder / f"{self._count}.log"
        process = self._context.Process(target=_run, args=(change, tests, timeout, str(log)))
        process.start()
        return Trial(what, log, process, time.monotonic(), timeout)
