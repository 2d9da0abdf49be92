"""Read resources in their source region while others are written."""

import contextlib
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent import futures
from typing import Any

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.db import api as db
from kingbird.engine import thread_context
from kingbird.engine.pools import RegionPools
from kingbird.sync.outcome import NO_ENDPOINT, Outcome
from kingbird.sync.retry import Retry

#: Answers that are kept for the tasks of other regions.
KEPT = 10_000


class SourceReader:
    """Read resources, once for all regions of a job.  Safe for threads."""

    def __init__(self, pools: RegionPools) -> None:
        self._pools = pools
        self._calls: OrderedDict[tuple[str, int, str, str], futures.Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(
        self,
        job: db.Job,
        item: db.Item,
        images: ImageClient | None,
        function: Callable[[ImageClient, str], Any],
        retry: Retry,
    ) -> "futures.Future[Any]":
        """Call a function on a worker of an item's source region, unless that was done before.

        :param images: the images of the region; ``None`` if it has no endpoint any more.
        :param function: reads a resource.
        """
        key = (job.id, job.runs, item.source_region, item.resource)
        with self._lock:
            call = self._calls.get(key)
            if call is None:
                read = None
                if images is not None:
                    read = functools.partial(retry, function, images, item.resource)
                call = self._calls[key] = self._call(job, item.source_region, read)
                if len(self._calls) > KEPT:
                    self._calls.popitem(last=False)
            return call

    def _call(
        self,
        job: db.Job,
        region: str,
        read: Callable[[], Any] | None,
    ) -> "futures.Future[Any]":
        if read is None:
            none: futures.Future[Any] = futures.Future()
            none.set_exception(exception.RegionUnavailable(NO_ENDPOINT.format(region)))
            return none
        return self._pools.submit_for(job)(region, read)


def after(
    read: "futures.Future[Any]",
    write: Callable[[Any], Outcome],
    submit: "Callable[[Callable[[], Outcome]], futures.Future[Outcome]]",
) -> "futures.Future[Outcome]":
    """Return the outcome of a write that begins when its source is read.

    No worker waits meanwhile: those of two regions could wait for each other.  Until the write has
    begun, the future can be cancelled.

    :param write: writes an item, with what was read or the error.
    :param submit: calls a function on a worker of the target.
    """
    outcome: futures.Future[Outcome] = futures.Future()

    def run() -> Outcome:
        if not outcome.set_running_or_notify_cancel():
            raise exception.Cancelled("Nobody waits for the item any more")
        return write(_answer_of(read))

    def pass_on(call: "futures.Future[Outcome]") -> None:
        error = call.exception()
        # It may have been cancelled.
        with contextlib.suppress(futures.InvalidStateError):
            if error is None:
                outcome.set_result(call.result())
            else:
                outcome.set_exception(error)

    def go_on() -> None:
        try:
            submit(run).add_done_callback(pass_on)
        except BaseException as error:  # a future carries whatever was raised
            outcome.set_exception(error)

    in_context = thread_context.with_context(go_on)
    read.add_done_callback(lambda _: in_context())
    return outcome


def _answer_of(call: "futures.Future[Any]") -> Any:
    """Return an answer, or the error of the call.

    :raises kingbird.exception.KeystoneUnavailable: a token could not be renewed.
    """
    try:
        return call.result()
    except exception.KeystoneUnavailable:
        raise
    except exception.KingbirdError as error:
        return error
