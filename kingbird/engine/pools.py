"""Run calls on a few worker threads for each region.

All jobs share a region's workers.  An engine never makes more than ``[sync] region_concurrency``
calls to a region at a time, and a slow region delays no other region.
"""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import futurist

from kingbird import exception, unseen_errors
from kingbird.db import api as db
from kingbird.engine import thread_context
from kingbird.engine.circuit_breaker import CircuitBreakers, Run
from kingbird.sync.retry import Submit


class RegionPools:
    """Create a region's workers when they are first needed.

    :param concurrency: workers for each region.
    """

    def __init__(self, concurrency: int, breakers: CircuitBreakers) -> None:
        self._concurrency = concurrency
        self._breakers = breakers
        self._pools: dict[str, futurist.ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def submit_for(self, job: db.Job) -> Submit:
        """Return a function that runs calls for a job on the workers of a region.

        The region's breaker guards them.  A future raises
        :class:`kingbird.exception.RegionUnavailable` without a call if the breaker is open.  The
        worker's log records and spans belong to the job of the calling thread.
        """
        return functools.partial(self._submit, (job.id, job.runs))

    def _submit(
        self, run: Run, region: str, function: Callable[..., Any], /, *args: Any
    ) -> "Future[Any]":
        with self._lock:
            pool = self._pools.get(region)
            if pool is None:
                pool = futurist.ThreadPoolExecutor(max_workers=self._concurrency)
                self._pools[region] = pool
        guarded = thread_context.with_context(self._breakers.call)
        caller = self._breakers.caller(region, run)
        future: Future[Any] = pool.submit(guarded, region, caller, function, *args)
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
