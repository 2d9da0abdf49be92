"""Import what trials import anyhow, but for Kingbird itself: importing it takes most of the time.

The server that forks trials imports this module first, as the concurrency backend has to be chosen
before the libraries are imported.
"""

import contextlib
import importlib
import os
import subprocess
import sys

from kingbird import concurrency

#: The variable with the modules of Kingbird that are changed.
MODULES = "KINGBIRD_MUTATE_MODULES"

_SHOW = """
import importlib, sys
from kingbird.tests import conftest
import pytest, hypothesis
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sys.modules)
"""


def _import_libraries(modules: list[str]) -> None:
    """Import the libraries that some modules of Kingbird import, in the same order."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW, *modules], capture_output=True, text=True, check=True
    )
    for name in shown.stdout.split():
        if name.partition(".")[0] not in ("kingbird", "__main__"):
            # Some names are made by libraries for themselves.
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


if MODULES in os.environ:
    concurrency.setup()
    _import_libraries(os.environ[MODULES].split())
