"""Normalize the sets of a request to their stored form."""

from collections.abc import Iterable
from typing import Any, TypedDict

from kingbird import exception
from kingbird.api.schemas import filters, formats
from kingbird.api.schemas.limits import RequestLimits
from kingbird.states import ALL, MemberMode, ResourceType


class StoredSyncSet(TypedDict):
    """A set of a request in its stored form.

    ``sources`` and ``targets`` may hold :data:`ALL` until
    :func:`kingbird.api.jobs.resolve.resolve_regions` has replaced it.
    """

    resource_type: str
    #: Image ids in lower case with dashes, or names of namespaces, each once; or :data:`ALL`
    #: alone.
    resources: list[str]
    #: Region names, each once; those that the request names come first and in its order.
    sources: list[str]
    #: The sources that the request names.  All others have the same rank.
    preferred: list[str]
    targets: list[str]
    force: bool
    all_projects: bool
    dry_run: bool
    #: ``report`` or ``update``.
    on_drift: str
    prune: bool
    #: ``report`` or ``skip``.
    same_name: str
    #: ``none`` or ``import``.
    data: str
    #: ``create``, ``add`` or ``exact``.
    members: str
    #: ``report``, ``hide`` or ``delete``.
    on_orphan: str
    orphan_limit: int
    #: The result of :func:`kingbird.api.schemas.filters.normalize`.
    filters: dict[str, Any]


_TRUE = (True, "True")


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else _unique(value)


def normalize_sets(body: dict[str, Any], limits: RequestLimits) -> dict[str, StoredSyncSet]:
    """Return the sets of a valid body in their stored form.

    :returns: the sets by their field, such as ``resource_set.Sync[1]``.
    :raises kingbird.exception.BadRequest: values contradict each other, or all sets together have
        too many images.
    """
    resource_set = body["resource_set"]
    types = {each["resource_type"] for each in resource_set.get("Sync", ())}
    if len(types) > 1:
        raise exception.BadRequest(
            "The sets in resource_set.Sync have different values of resource_type; all sets of a "
            "request have the same"
        )
    if "Sync" not in resource_set:
        return {"resource_set": normalize_set(resource_set, "resource_set")}
    fields = {
        f"resource_set.Sync[{index}]": each for index, each in enumerate(resource_set["Sync"])
    }
    requested = sum(len(each["resources"]) for each in fields.values())
    if requested > limits.resources:
        raise exception.BadRequest(
            f"The sets in resource_set.Sync have {requested} entries in their resources; together "
            f"they can have {limits.resources} ([api] max_resources)"
        )
    return {field: normalize_set(each, field) for field, each in fields.items()}


def normalize_set(given: dict[str, Any], field: str) -> StoredSyncSet:
    """Return a valid set in its stored form.

    :param field: the path of the set in the request.
    :raises kingbird.exception.BadRequest: values contradict each other.
    """
    resources, is_image = given["resources"], given["resource_type"] == ResourceType.IMAGE
    sources = _as_list(given["source"])
    return {
        "resource_type": given["resource_type"],
        "resources": _unique(map(formats.normalize_uuid, resources))
        if is_image and resources != [ALL]
        else _unique(resources),
        "sources": sources,
        "preferred": [name for name in sources if name != ALL],
        "targets": _as_list(given["target"]),
        "force": given.get("force") in _TRUE,
        # Namespaces belong to no project that would be the caller's: admins alone see such a job.
        "all_projects": not is_image or given.get("all_projects") in _TRUE,
        "dry_run": given.get("dry_run") in _TRUE,
        "on_drift": given.get("on_drift", "report"),
        "prune": given.get("prune") in _TRUE,
        "same_name": given.get("same_name", "report"),
        "data": given.get("data", "none"),
        "members": given.get("members", str(MemberMode.CREATE)),
        "on_orphan": given.get("on_orphan", "report"),
        "orphan_limit": int(given.get("orphan_limit", 0)),
        "filters": filters.normalize(given["filters"], f"{field}.filters")
        if "filters" in given
        else {},
    }
