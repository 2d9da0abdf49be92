"""Read the part of a job that a request names, and check that the job has it."""

from typing import Any

from kingbird import exception
from kingbird.api.schemas import formats
from kingbird.db import api as db
from kingbird.resource_keys import key_of, noun_of
from kingbird.states import ALL, ResourceType
from kingbird.text import join_some, quote


def read(job: db.Job, body: dict[str, Any] | None) -> db.job_actions.Part | None:
    """Return the part of a job that a valid body names, or ``None`` if it names none.

    :raises kingbird.exception.BadRequest: the job has no such region or image.
    :raises kingbird.exception.Conflict: the regions of the job are not known yet.
    """
    if not body:
        return None
    regions = body.get("regions")
    if regions is not None:
        _check_regions(job, regions)
    resources = body.get("resources")
    if resources is not None:
        keys = (
            key_in(job, one, f"resources[{index}]", "an image id (a UUID)")
            for index, one in enumerate(resources)
        )
        resources = list(dict.fromkeys(keys))
        _check_resources(job, resources)
    return db.job_actions.Part(regions, resources)


def key_in(job: db.Job, resource: str, field: str, expected: str) -> str:
    """Return the key of a resource of a job, by what its type has for a user: an id or a name.

    :param field: the part of the request that has it.
    :param expected: what an image's id is called in the error message.
    :raises kingbird.exception.BadRequest: the job is about images, and it is no id.
    """
    if resource == ALL or job.resource_type != ResourceType.IMAGE:
        return key_of(job.resource_type, resource)
    try:
        return formats.normalize_uuid(resource)
    except ValueError:
        raise exception.BadRequest(
            f"{field} is {quote(resource)}; it must be {expected}"
        ) from None


def _check_regions(job: db.Job, regions: list[str]) -> None:
    if ALL in job.targets:
        raise exception.Conflict(
            f"The job {job.id} is not planned yet, and its rule names no target regions"
        )
    for region in regions:
        if region not in job.targets:
            raise exception.BadRequest(
                f"regions: {quote(region)} is no target region of the job; these are "
                f"{join_some(job.targets, 50)}"
            )


def _check_resources(job: db.Job, resources: list[str]) -> None:
    known = {key_of(job.resource_type, one) for each in job.request for one in each["resources"]}
    unknown = [one for one in resources if one not in known]
    if unknown and job.planned_at is not None:
        found = db.job_actions.known_resources(job, unknown)
        unknown = [one for one in unknown if one not in found]
    if unknown:
        noun = noun_of(job.resource_type)
        raise exception.BadRequest(
            f"resources: the job has no item of {len(unknown)} {noun}(s): {join_some(unknown, 5)}"
        )
