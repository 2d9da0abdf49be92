"""Memory that an engine has freed goes back to the system."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from kingbird.tests.waiting import PATIENCE, wait_for

#: Takes 100 MiB in pieces, frees all of them but the last, and prints the resident pages before
#: and after it trims.
PROGRAM = """
import ctypes
from pathlib import Path
from kingbird.engine import memory_tuning

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
pieces = [libc.malloc(1024) for _ in range(100 * 1024)]
for piece in pieces:
    ctypes.memset(piece, 1, 1024)
for piece in pieces[:-1]:
    libc.free(piece)
pages = lambda: int(Path("/proc/self/statm").read_text().split()[1])
before = pages()
memory_tuning.trim()
print(before, pages())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="there is no glibc")
def test_trimming():
    root = Path(__file__).parents[4]
    printed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        timeout=PATIENCE,
    ).stdout
    before, after = map(int, printed.split())
    assert before - after > 80 * 256


def test_an_engine_trims_all_the_time(scene, monkeypatch):
    calls = []
    monkeypatch.setattr("kingbird.engine.memory_tuning.trim", lambda: calls.append(True))
    monkeypatch.setattr("kingbird.engine.memory_tuning.TRIM_INTERVAL", 0.01)
    scene.engine()
    wait_for(lambda: len(calls) > 1)
