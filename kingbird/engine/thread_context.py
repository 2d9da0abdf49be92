"""Which job a line of the log, or a span, is about: threads are told whose work they do.

oslo.log takes what it shows beside a message from the thread's context.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from oslo_context import context

from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.sync.retry import Submit
from kingbird.tracing import spans


def set_log_context(job: db.Job) -> None:
    """Let what this thread logs from now on name a job, its user and its request."""
    RequestContext(
        user_id=job.user_id,
        project_id=job.project_id,
        request_id=job.request_id,
        global_request_id=job.global_request_id,
        resource_uuid=job.id,
    )


def with_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` for another thread, which is told what this one works on."""
    current = context.get_current()
    traced = spans.propagator()(function)
    if current is None:
        return traced

    def named(*args: Any) -> Any:
        current.update_store()
        return traced(*args)

    return named


def submit_with_context(submit: Submit) -> Submit:
    """Return ``submit`` for threads that work for the one that is here, and were told nothing."""
    current = context.get_current()
    traced = spans.propagator()

    def submitted(region: str, function: Callable[..., Any], /, *args: Any) -> "Future[Any]":
        if current is not None:
            current.update_store()
        return submit(region, traced(function), *args)

    return submitted
