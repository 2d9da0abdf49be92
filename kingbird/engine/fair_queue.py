"""Let projects take turns where their calls wait."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

#: A call that waits, and the future that gets its result.
_Entry = tuple["Future[Any]", Callable[[], Any]]


class FairQueue:
    """Calls in the order in which projects take turns.  Safe for threads.

    A job may have thousands of calls, and another project's only one is not made after all of
    them, but after those under way and one of each other project.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: The calls that wait by project; the project whose turn is next comes first.
        self._waiting: OrderedDict[str, deque[_Entry]] = OrderedDict()

    def put(self, project_id: str, call: Callable[[], Any]) -> "Future[Any]":
        """Add a call of a project, and return the future that gets its result.

        Somebody has to call :meth:`run_next` once for each call.
        """
        future: Future[Any] = Future()
        with self._lock:
            self._waiting.setdefault(project_id, deque()).append((future, call))
        return future

    def run_next(self) -> None:
        """Make the next call, unless it was cancelled."""
        future, call = self._take()
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _take(self) -> _Entry:
        with self._lock:
            project_id, calls = self._waiting.popitem(last=False)
            entry = calls.popleft()
            if calls:
                # Its turn comes after that of all others.
                self._waiting[project_id] = calls
            return entry
