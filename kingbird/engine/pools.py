"""Run calls on a few worker threads for each region.

All jobs share a region's workers.  An engine never makes more than ``[sync] region_concurrency``
calls to a region at a time, and a slow region delays no other region.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import futurist

from kingbird import exception, unseen_errors
from kingbird.engine import thread_context
from kingbird.engine.circuit_breaker import CircuitBreakers


class RegionPools:
    """Create a region's workers when they are first needed.

    :param concurrency: workers for each region.
    """

    def __init__(self, concurrency: int, breakers: CircuitBreakers) -> None:
        self._concurrency = concurrency
        self._breakers = breakers
        self._pools: dict[str, futurist.ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def submit(self, region: str, function: Callable[..., Any], /, *args: Any) -> "Future[Any]":
        """Run ``function(*args)`` on a worker of ``region``, guarded by the region's breaker.

        The worker's log records and spans belong to the job of the calling thread.

        :returns: a future; it raises :class:`kingbird.exception.RegionUnavailable` without a call
            if the breaker is open.
        """
        with self._lock:
            pool = self._pools.get(region)
            if pool is None:
                pool = futurist.ThreadPoolExecutor(max_workers=self._concurrency)
                self._pools[region] = pool
        guarded = thread_context.with_context(self._breakers.call)
        future: Future[Any] = pool.submit(guarded, region, function, *args)
        # A caller that gives a region up takes no more results from it.
        future.add_done_callback(
            unseen_errors.reporter(f"a call to region {region}", exception.KingbirdError)
        )
        return future

    def shutdown(self) -> None:
        """Let the workers end; calls under way finish."""
        with self._lock:
            for pool in self._pools.values():
                pool.shutdown(wait=False)
            self._pools.clear()
