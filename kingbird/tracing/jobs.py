"""The traces of jobs, which messages carry.  They are kept in memory only."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kingbird.tracing import spans

#: Jobs that are remembered; beyond that the oldest are dropped.
MAX_JOBS = 1000

_lock = threading.Lock()
_known: OrderedDict[str, dict[str, str]] = OrderedDict()


def remember(job_id: str, ids: Any) -> None:
    """Remember the trace of a job's run.

    :param ids: the field of the message; ``None`` if the sender knows no trace, which does not
        mean that there is none.
    """
    if not spans.is_enabled() or not isinstance(ids, dict):
        return
    trace = {name: value for name in spans.IDS if isinstance(value := ids.get(name), str)}
    if len(trace) != len(spans.IDS):
        return
    with _lock:
        _known.pop(job_id, None)
        _known[job_id] = trace
        while len(_known) > MAX_JOBS:
            _known.popitem(last=False)


@contextmanager
def job_span(job_id: str, request_id: str | None, region: str | None) -> Iterator[None]:
    """Trace an engine's work for a job, if this run of the job is traced.

    :param request_id: the request that started this run; a retry does not belong to the trace
        of the run before.
    :param region: the region of the task; ``None`` for planning.
    """
    with _lock:
        ids = _known.get(job_id)
    if ids is not None and ids["request_id"] != request_id:
        ids = None
    name = "planning" if region is None else "task"
    with (
        spans.attach(ids),
        spans.span("engine", function={"name": name}, job={"id": job_id, "region": region}),
    ):
        yield
