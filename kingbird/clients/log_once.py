"""Warnings about text of other services, each of them logged once."""

import json
import logging
import threading
from typing import Any

#: Characters of a strange text that are shown.
SHOWN = 80
#: Different warnings that are remembered; what comes later is not logged.
MOST = 1000


def shown(value: Any) -> str:
    """Return a value of another service as a log and a message can hold it: ASCII, and bounded."""
    text = json.dumps(value[: SHOWN + 1] if isinstance(value, str) else value, default=repr)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


class Once:
    """Logs a warning the first time that it is given.  Safe for threads.

    The same text comes with each request and each job.  A text that differs each time can't fill
    the memory or the log either: after :data:`MOST` warnings one line says that no more follow.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def warn(self, sentence: str) -> None:
        """Log a warning, unless the same was logged before.

        :param sentence: what is said; strange text within it has gone through :func:`shown`.
        """
        with self._lock:
            if sentence in self._told or len(self._told) > MOST:
                return
            self._told.add(sentence)
            is_last = len(self._told) > MOST
        self._log.warning(
            "%s", "More warnings of this kind are not logged" if is_last else sentence
        )

    def forget(self) -> None:
        """Let every warning be logged once more."""
        with self._lock:
            self._told.clear()
