"""Judges a fuzzing run by its responses, logs and rows."""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kingbird.tests.functional.chaos.logs import tracebacks

#: Operations that have to occur in a run, each with a status.
SEEN = {
    ("create_sync_job", 200),
    ("create_sync_job", 400),
    ("list_sync_jobs", 200),
    ("show_sync_job", 200),
    ("show_sync_job", 404),
    ("delete_sync_job", 200),
    ("cancel_sync_job", 409),
}


#: Operations whose answer names a new job.
MAKERS = {"create_sync_job", "apply_sync_job", "undo_sync_job"}


@dataclass(frozen=True)
class Call:
    """A call that the hooks recorded."""

    operation: str | None
    method: str
    url: str
    status: int
    answer: str | None
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> str:
        """Return the last part of the path."""
        return urlsplit(self.url).path.rstrip("/").rpartition("/")[2]

    def job(self, project: str) -> str | None:
        """Return the job that the path names in a project, if it names a job and nothing more."""
        parts = [part for part in urlsplit(self.url).path.split("/") if part]
        if parts[1:3] != [project, "os-sync"] or len(parts) < 4:
            return None
        if parts[4:] not in ([], ["cancel"], ["retry"]):
            return None
        try:
            return str(uuid.UUID(parts[3]))
        except ValueError:
            return None


def read(record: Path) -> list[Call]:
    """Return the calls of a record."""
    return [Call(**json.loads(line)) for line in record.read_text().splitlines()]


def counts(calls: Iterable[Call]) -> dict[str, Counter[int]]:
    """Return the number of responses by operation and status."""
    found: dict[str, Counter[int]] = {}
    for call in calls:
        found.setdefault(call.operation or "none", Counter())[call.status] += 1
    return found


def left(calls: Iterable[Call]) -> set[str]:
    """Return the ids of jobs that were accepted and not deleted."""
    calls = list(calls)
    accepted = {
        json.loads(call.answer or "")["job_status"]["id"]
        for call in calls
        if call.operation in MAKERS and call.method == "POST" and call.status in (200, 202)
    }
    deleted = {
        str(uuid.UUID(call.last))
        for call in calls
        if (call.method, call.status) == ("DELETE", 200)
    }
    return accepted - deleted


def unseen(calls: Iterable[Call]) -> list[str]:
    """Return the answers that a run of all cases should have seen."""
    seen = {(call.operation, call.status) for call in calls}
    return [
        f"{operation} was never answered {status}: the fuzzing sees too little"
        for operation, status in sorted(SEEN - seen)
    ]


def complaints(
    calls: list[Call], logs: Iterable[Path], jobs: Sequence[Mapping[str, Any]], project: str
) -> Iterator[str]:
    """Describe all violations.

    :param jobs: the rows of the caller's jobs.
    :param project: the project of the caller.
    """
    for call in calls:
        if call.status >= 500:
            yield f"{call.method} {call.url} was answered {call.status}: {call.answer}"
    for log in logs:
        for said in tracebacks(log.read_text(errors="replace")):
            yield f"a traceback is in {log.name}: {said[:300]}"
    expected, stored = left(calls), {job["id"] for job in jobs}
    for job_id in expected - stored:
        yield f"job {job_id} was accepted and is gone"
    for job_id in stored - expected:
        yield f"job {job_id} is there though nobody was told of it, or it was deleted"
    for call in calls:
        if call.status == 404 and call.job(project) in expected:
            yield f"{call.method} {call.url} was answered 404 though nobody deleted the job"
    for job in jobs:
        if job["project_id"] != project:
            yield f"job {job['id']} belongs to {job['project_id']}"
