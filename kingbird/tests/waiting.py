"""Wait for what a test has set going, and for nothing else.

A test says what it waits for.  It does not say how long that takes, because a busy machine needs
many times as long as a quiet one.  The bound only ends a test that would hang.
"""

import contextlib
import inspect
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

#: Seconds after which a test hangs.  No test that passes waits for as long, not even at ten times
#: the usual load.  ``make mutate`` sets the variable, because changed code often hangs.
PATIENCE = float(os.environ.get("KINGBIRD_TEST_PATIENCE") or 300)
#: Seconds for what downloads or compiles, or what makes a whole cloud.
LONG_PATIENCE = 3 * PATIENCE
#: The time between two looks grows by this factor, until it is one of the numbers of seconds
#: below: of a test that asks a service, and of one that looks at its own process.
GROWTH = 1.3
RAREST, RAREST_WITHIN = 0.25, 0.03


def eventually(
    what: str,
    look: Callable[[], Any],
    seconds: float = PATIENCE,
    poll: float = 0.02,
    rarest: float = RAREST,
) -> Any:
    """Wait until ``look`` returns a true value, and return the value.

    Looks become rarer, because those of tests that ask a service would take more of the processor
    than what they wait for.

    :param what: what is waited for, as a sentence: *the job has ended*.
    :param seconds: only for what may take longer than :data:`PATIENCE`.
    :param poll: seconds between the first two looks.
    :param rarest: seconds between two looks at most.
    :raises AssertionError: it does not come.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(poll)
        poll = min(poll * GROWTH, max(poll, rarest))
    return found


def wait_for(look: Callable[[], Any]) -> Any:
    """Wait until ``look``, whose code says what is waited for, returns a true value."""
    return eventually(inspect.getsource(look).strip(), look, poll=0.01, rarest=RAREST_WITHIN)


@contextlib.contextmanager
def bounded(what: str, release: Callable[[], Any]) -> Iterator[None]:
    """End a block that hangs, and fail then.

    :param what: what the block does, as a sentence: *the API answers*.
    :param release: frees what the block waits for although it should not.
    """
    released = threading.Event()

    def give_up() -> None:
        released.set()
        release()

    timer = threading.Timer(PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    assert not released.is_set(), f"not within {PATIENCE:.0f} s: {what}"
