"""Words that tests of the commands share, and the jobs that the commands make."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from kingbird.db import api as db
from kingbird.tests.api import store
from kingbird.tests.api.world import PROJECT
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.waiting import eventually

Osc = Callable[..., Any]
JSON = ("-f", "json")


def stored(job_id: str) -> list[dict[str, Any]]:
    """Return the sets of a job as the API stored them."""
    job = db.jobs.get(PROJECT, job_id, with_all_projects=True)
    assert job is not None
    return list(job.request)


@contextlib.contextmanager
def engine(cloud: Cloud, *outcomes: dict[str, Any], **options: Any) -> Iterator[None]:
    """End the one job that a command makes, once the command has looked at it."""

    def work() -> None:
        eventually(
            "the command has looked at its job",
            lambda: any(
                method == "GET" and "/os-sync/" in path for method, path in list(cloud.calls)
            ),
        )
        store.end(*outcomes, **options)

    thread = threading.Thread(target=work)
    cloud.calls.clear()
    thread.start()
    yield
    thread.join()


def dry(resource: str, target: str, reason: str, **fields: Any) -> dict[str, Any]:
    """Return an item of a dry run from RegionOne."""
    given = {"status": "PLANNED", "action": "none", "message": f"About {reason}"}
    return {
        "resource": resource,
        "source_region": "RegionOne",
        "target_region": target,
        "reason": reason,
        **given,
        **fields,
    }
