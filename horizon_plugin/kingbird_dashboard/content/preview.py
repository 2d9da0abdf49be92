"""Previews of rules: dry runs that leave no job behind."""

import contextlib
import hashlib
import json
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kingbird_dashboard.api import jobs
from kingbird_dashboard.api.client import ServiceError

_CONFLICTS = ("owner_conflict", "data_conflict", "id_taken", "deleted_in_target", "not_owner")


def fingerprint(wish: dict[str, Any]) -> str:
    """Return a text that changes with a set, so that a page knows what its preview was of."""
    return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()[:16]


def begin(request: Any, wish: dict[str, Any]) -> str:
    """Begin the preview of a set, and return its job's id."""
    return jobs.create(request, [{**wish, "dry_run": True}])


def end(request: Any, job_id: str) -> None:
    """End a preview that nobody waits for any more.  One that is gone already is no error."""
    if not job_id:
        return
    with contextlib.suppress(ServiceError):
        jobs.act(request, job_id, "cancel")
    with contextlib.suppress(ServiceError):
        jobs.delete(request, job_id)


def look(request: Any, job_id: str) -> str:
    """Return what a preview has found, and delete it; an empty text while it runs."""
    job = jobs.show(request, job_id, limit=1).body["job"]
    if job["sync_status"] == "IN_PROGRESS":
        return ""
    end(request, job_id)
    return sentence(job)


def sentence(job: dict[str, Any]) -> str:
    """Return the numbers of a preview in a sentence."""
    found = job["outcomes"]
    by_region = [sum(one["outcomes"].values()) for one in job["regions"].values()]
    images = max(by_region, default=0)
    create = found.get("missing", 0) + found.get("same_name", 0)
    differ, conflicts = found.get("drift", 0), sum(found.get(word, 0) for word in _CONFLICTS)
    same = found.get("in_sync", 0) + found.get("no_data", 0)
    others = sum(found.values()) - create - differ - conflicts - same
    parts = [
        ngettext("%s image matches", "%s images match", images) % f"{images:,}",
        ngettext("%s record would be created", "%s records would be created", create)
        % f"{create:,}",
        ngettext("%s differs", "%s differ", differ) % f"{differ:,}",
        ngettext("%s conflict", "%s conflicts", conflicts) % f"{conflicts:,}",
    ]
    if others:
        parts.append(ngettext("%s problem", "%s problems", others) % f"{others:,}")
    return _("%s.") % ", ".join(parts)
