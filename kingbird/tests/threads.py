"""Look at the threads that a block begins.

Threads are not counted, because those that earlier tests have left may end at any time.
"""

import contextlib
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def begun_threads() -> Iterator[list[str]]:
    """Give a list that has the names of new threads once the block is over."""
    names: list[str] = []
    before = set(threading.enumerate())
    yield names
    names += sorted(one.name for one in threading.enumerate() if one not in before)
