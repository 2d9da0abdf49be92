"""Workers: a few for each region, whatever the number of jobs.

What every job does in a region runs on that region's workers, so an engine never makes more
than ``[sync] region_concurrency`` calls there at a time, and a slow region holds up no other.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import futurist

from kingbird.engine import thread_context


class RegionPools:
    """Makes a region's workers when they are first needed.

    :param concurrency: workers for each region.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._pools: dict[str, futurist.ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def submit(self, region: str, function: Callable[..., Any], /, *args: Any) -> "Future[Any]":
        """Run ``function(*args)`` on a worker of ``region``."""
        with self._lock:
            pool = self._pools.get(region)
            if pool is None:
                pool = futurist.ThreadPoolExecutor(max_workers=self._concurrency)
                self._pools[region] = pool
        future: Future[Any] = pool.submit(thread_context.with_context(function), *args)
        return future

    def shutdown(self) -> None:
        """Let the workers end; calls under way finish."""
        with self._lock:
            for pool in self._pools.values():
                pool.shutdown(wait=False)
            self._pools.clear()
