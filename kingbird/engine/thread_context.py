"""Tell the log and the tracing which job a thread works for.

oslo.log shows the thread's context beside each message.
"""

from collections.abc import Callable
from typing import Any

from oslo_context import context

from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.tracing import spans


def set_log_context(job: db.Job) -> None:
    """Add a job, its user and its request to this thread's log records from now on."""
    RequestContext(
        user_id=job.user_id,
        project_id=job.project_id,
        request_id=job.request_id,
        global_request_id=job.global_request_id,
        resource_uuid=job.id,
    )


def with_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` for another thread, with the log context and span of this one."""
    current = context.get_current()
    traced = spans.propagator()(function)
    if current is None:
        return traced

    def named(*args: Any) -> Any:
        current.update_store()
        return traced(*args)

    return named
