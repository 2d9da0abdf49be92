"""Log each warning about data of other services once."""

import logging
import threading

#: The number of different warnings that are logged.
MAX_WARNINGS = 1000


class WarnOnce:
    """A logger that drops repeated warnings.  Safe for threads.

    The same data comes with each request and each job.  Data that always differs must not fill the
    memory or the log: after :data:`MAX_WARNINGS` warnings, one line says that no more follow.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def warn(self, message: str) -> None:
        """Log a warning, unless the same one was logged before.

        :param message: the text.  Untrusted parts must be quoted by :func:`kingbird.text.quote`.
        """
        with self._lock:
            if message in self._logged or len(self._logged) > MAX_WARNINGS:
                return
            self._logged.add(message)
            is_last = len(self._logged) > MAX_WARNINGS
        self._log.warning(
            "%s", "More warnings of this kind are not logged" if is_last else message
        )

    def clear(self) -> None:
        """Forget all warnings, so that they can be logged again."""
        with self._lock:
            self._logged.clear()
