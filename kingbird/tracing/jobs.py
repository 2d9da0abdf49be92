"""Which jobs are traced, as far as messages told this process; nothing of it is stored."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kingbird.tracing import spans

#: Jobs that are remembered; beyond that the oldest go.
MOST = 1000

_lock = threading.Lock()
_known: OrderedDict[str, dict[str, str]] = OrderedDict()


def note(job_id: str, ids: Any) -> None:
    """Note the trace for which a run of a job is worked on.

    :param ids: what a message says; ``None`` if its sender knows of no trace, which need not
        mean that there is none.
    """
    if not spans.are_made() or not isinstance(ids, dict):
        return
    told = {name: value for name in spans.IDS if isinstance(value := ids.get(name), str)}
    if len(told) != len(spans.IDS):
        return
    with _lock:
        _known.pop(job_id, None)
        _known[job_id] = told
        while len(_known) > MOST:
            _known.popitem(last=False)


@contextmanager
def working(job_id: str, request_id: str | None, region: str | None) -> Iterator[None]:
    """Trace what an engine does for a job, if this run of it is traced.

    :param request_id: the request that began this run: who tries a job again without a trace
        does not work for the trace of the run before.
    :param region: whose task it is; ``None`` for planning.
    """
    with _lock:
        ids = _known.get(job_id)
    if ids is not None and ids["request_id"] != request_id:
        ids = None
    name = "planning" if region is None else "task"
    with (
        spans.joined(ids),
        spans.span("engine", function={"name": name}, job={"id": job_id, "region": region}),
    ):
        yield
