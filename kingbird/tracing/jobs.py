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


def began(job_id: str, ids: Any) -> None:
    """Note by which trace a run of a job was asked for.

    :param ids: what the message says; ``None`` if the request is not traced.
    """
    with _lock:
        _known.pop(job_id, None)
    goes_on(job_id, ids)


def goes_on(job_id: str, ids: Any) -> None:
    """Note the trace of a job on which another engine works too.

    :param ids: what the message says; ``None`` if that engine knows of no trace.
    """
    if not spans.are_made() or not isinstance(ids, dict):
        return
    told = {name: value for name in spans.IDS if isinstance(value := ids.get(name), str)}
    if len(told) != len(spans.IDS):
        return
    with _lock:
        _known[job_id] = told
        while len(_known) > MOST:
            _known.popitem(last=False)


@contextmanager
def working(job_id: str, region: str | None) -> Iterator[None]:
    """Trace what an engine does for a job, if that is traced.

    :param region: whose task it is; ``None`` for planning.
    """
    with _lock:
        ids = _known.get(job_id)
    name = "planning" if region is None else "task"
    with (
        spans.joined(ids),
        spans.span("engine", function={"name": name}, job={"id": job_id, "region": region}),
    ):
        yield
