"""Summarize the sets of a request, for lists of jobs.

A request may be as large as a megabyte, and a list has many jobs.  A summary has the first ids,
names of regions and sets, in the words of the request, and how many there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kingbird.states import ALL, MemberMode

#: Sets, ids in a set, and regions in a set that a summary has.
MAX_SETS = 20
MAX_RESOURCES = 20
MAX_REGIONS = 50


def summarize(sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the summary of sets in their stored form.

    :param sets: the sets as a user or a rule has them, if possible with ``*`` among the regions.
    """
    return {
        "dry_run": any(each["dry_run"] for each in sets),
        "sets_total": len(sets),
        "sets": [_summarize(each) for each in sets[:MAX_SETS]],
    }


def _summarize(each: Mapping[str, Any]) -> dict[str, Any]:
    sources, preferred = each["sources"], each.get("preferred", ())
    if ALL not in sources and len(sources) > len(preferred):
        # Names have taken the place of the wildcard.
        sources = [*preferred, ALL]
    return {
        "resource_type": each["resource_type"],
        "resources": each["resources"][:MAX_RESOURCES],
        "resources_total": len(each["resources"]),
        "source": sources[:MAX_REGIONS],
        "target": each["targets"][:MAX_REGIONS],
        "filters": each["filters"],
        **{name: each[name] for name in ("all_projects", "dry_run", "force", "on_drift", "prune")},
        # Requests of earlier releases don't have these fields.
        "same_name": each.get("same_name", "report"),
        "members": each.get("members", str(MemberMode.CREATE)),
        "on_orphan": each.get("on_orphan", "report"),
    }
