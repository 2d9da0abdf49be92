"""Log errors that nobody would see: those that end a thread, and those of a future."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

LOG = logging.getLogger(__name__)


def install() -> None:
    """Log errors that end a thread.  Python prints them to standard error, beside the log."""
    threading.excepthook = _log_thread_error


def _log_thread_error(args: Any) -> None:
    if issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread is not None else "unknown"
    error = (args.exc_type, args.exc_value, args.exc_traceback)
    LOG.critical("Unexpected error ended the thread %s", name, exc_info=error)


def reporter(
    activity: str, expected: type[Exception] | tuple[()] = ()
) -> Callable[["Future[Any]"], None]:
    """Return a callback of a future that logs its error.

    :param activity: the call, as the record names it.
    :param expected: errors that are not logged.
    """

    def report(future: "Future[Any]") -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, expected):
            LOG.error("Unexpected error in %s", activity, exc_info=error)

    return report
