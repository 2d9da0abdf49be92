"""Run calls on a few worker threads for each region.

All jobs share a region's workers, and projects take turns.  An engine never makes more than
``[sync] region_concurrency`` calls to a region at a time, and a slow region delays no other
region.
"""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import futurist

from kingbird import exception, unseen_errors
from kingbird.db import api as db
from kingbird.engine import thread_context
from kingbird.engine.circuit_breaker import Caller, CircuitBreakers, Run
from kingbird.engine.fair_queue import FairQueue
from kingbird.engine.region_limits import RegionLimits
from kingbird.sync.retry import Submit


class RegionPools:
    """Create a region's workers when they are first needed.

    :param concurrency: workers for each region.
    :param limits: limits the calls further; without them there may be as many as workers.
    """

    def __init__(
        self, concurrency: int, breakers: CircuitBreakers, limits: RegionLimits | None = None
    ) -> None:
        self._concurrency = concurrency
        self._breakers = breakers
        self._limits = limits or RegionLimits(lambda: concurrency)
        self._moved_at: dict[str, float] = {}
        self._pools: dict[str, tuple[futurist.ThreadPoolExecutor, FairQueue]] = {}
        self._lock = threading.Lock()

    def submit_for(self, job: db.Job) -> Submit:
        """Return a function that runs calls for a job on the workers of a region.

        The region's breaker guards them.  A future raises
        :class:`kingbird.exception.RegionUnavailable` without a call if the breaker is open.  The
        worker's log records and spans belong to the job of the calling thread.
        """
        return functools.partial(self._submit, (job.id, job.runs), job.project_id)

    def _submit(
        self,
        run: Run,
        project_id: str,
        region: str,
        function: Callable[..., Any],
        /,
        *args: Any,
    ) -> "Future[Any]":
        with self._lock:
            if region not in self._pools:
                workers = futurist.ThreadPoolExecutor(max_workers=self._concurrency)
                self._pools[region] = workers, FairQueue()
            workers, queue = self._pools[region]
        guarded = thread_context.with_context(self._call)
        caller = self._breakers.caller(region, run)
        call = functools.partial(guarded, region, caller, function, *args)
        future = queue.put(project_id, call)
        try:
            workers.submit(queue.run_next)
        except RuntimeError:
            # The engine stops.
            future.cancel()
            raise
        # A caller that gives a region up takes no more results from it.
        future.add_done_callback(
            unseen_errors.reporter(f"a call to region {region}", exception.KingbirdError)
        )
        return future

    def _call(
        self,
        region: str,
        caller: Caller,
        function: Callable[..., Any],
        /,
        *args: Any,
    ) -> Any:
        """Make a call on this worker when the region may get another one."""

        def limited(*args: Any) -> Any:
            # The breaker does not wait for other calls.
            with self._limits.call(region):
                return function(*args)

        try:
            return self._breakers.call(region, caller, limited, *args)
        finally:
            self._moved_at[region] = time.monotonic()

    def moved_at(self, region: str) -> float:
        """Return the monotonic time at which a call to a region ended last, or 0."""
        return self._moved_at.get(region, 0.0)

    def is_left_alone(self, region: str) -> bool:
        """Return whether a region's breaker is open."""
        return self._breakers.is_open(region)

    def resting_regions(self) -> list[str]:
        """Return the regions that are left alone, and that no trial is due for."""
        return self._breakers.resting_regions()

    def shutdown(self) -> None:
        """Let the workers end; calls under way finish."""
        with self._lock:
            for workers, _ in self._pools.values():
                workers.shutdown(wait=False)
            self._pools.clear()
