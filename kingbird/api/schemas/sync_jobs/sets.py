"""The sets of a request, in the one spelling that is stored."""

from collections.abc import Iterable
from typing import Any, TypedDict

from kingbird import exception
from kingbird.api.schemas import filters, formats
from kingbird.api.schemas.bounds import OPTIONS, RequestLimits
from kingbird.states import ALL


class StoredSyncSet(TypedDict):
    """One set of a request as it is stored, whatever spelling it came in.

    ``sources`` and ``targets`` may hold :data:`ALL` until
    :func:`kingbird.api.jobs.resolve.resolve_regions` has seen the catalog.
    """

    resource_type: str
    #: Image ids, lower case with dashes, each once; or :data:`ALL` alone.
    resources: list[str]
    #: Region names, those that the request names first and in its order, each once.
    sources: list[str]
    #: The sources that the request names; others rank equal.
    preferred: list[str]
    targets: list[str]
    force: bool
    all_projects: bool
    dry_run: bool
    #: ``report`` or ``update``.
    on_drift: str
    prune: bool
    #: As :func:`kingbird.api.schemas.filters.normalize` makes them.
    filters: dict[str, Any]


_TRUE = (True, "True")


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else _unique(value)


def normalize_sets(body: dict[str, Any], bounds: RequestLimits) -> dict[str, StoredSyncSet]:
    """Return the sets of a body that is valid by its schema, all in one spelling.

    :returns: the sets, each under the name of its field, such as ``resource_set.Sync[1]``.
    :raises kingbird.exception.BadRequest: values contradict each other, or all sets together
        name too many images.
    """
    resource_set = body["resource_set"]
    if "Sync" not in resource_set:
        return {"resource_set": _set_of(resource_set, "resource_set")}
    fields = {
        f"resource_set.Sync[{index}]": each for index, each in enumerate(resource_set["Sync"])
    }
    named = sum(len(each["resources"]) for each in fields.values())
    if named > bounds.resources:
        raise exception.BadRequest(
            f"The sets in resource_set.Sync have {named} entries in their resources; together "
            f"they can have {bounds.resources} ({OPTIONS['resources']})"
        )
    return {field: _set_of(each, field) for field, each in fields.items()}


def _set_of(given: dict[str, Any], field: str) -> StoredSyncSet:
    resources = given["resources"]
    sources = _as_list(given["source"])
    return {
        "resource_type": given["resource_type"],
        "resources": resources
        if resources == [ALL]
        else _unique(map(formats.normalize_uuid, resources)),
        "sources": sources,
        "preferred": [name for name in sources if name != ALL],
        "targets": _as_list(given["target"]),
        "force": given.get("force") in _TRUE,
        "all_projects": given.get("all_projects") in _TRUE,
        "dry_run": given.get("dry_run") in _TRUE,
        "on_drift": given.get("on_drift", "report"),
        "prune": given.get("prune") in _TRUE,
        "filters": filters.normalize(given.get("filters", {}), f"{field}.filters"),
    }
