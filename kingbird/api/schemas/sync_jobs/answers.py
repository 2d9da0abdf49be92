"""The schemas of the responses about jobs."""

from typing import Any

from kingbird.api.schemas.shapes import (
    LINKS,
    STRING_OR_NULL,
    JSONSchema,
    closed_object,
    enum,
    output,
    output_count,
    output_datetime,
    output_uuid,
)
from kingbird.states import ALL, PUBLIC_JOB_STATES, ItemState, Trigger

_UPDATED_AT = 'The time of the last update; "None" before the first one'

_SUMMARY: dict[str, JSONSchema] = {
    "id": output_uuid("The job's id"),
    "sync_status": enum(PUBLIC_JOB_STATES),
    "created_at": output_datetime("The time of the job's creation, in UTC"),
    "updated_at": output_datetime(_UPDATED_AT, allow_none_text=True),
}

_COUNTED: JSONSchema = {"type": "integer", "minimum": 0}
_COUNTS = {
    "statuses": output(
        "The number of items by sync_status", "object", additionalProperties=_COUNTED
    ),
    "outcomes": output("The number of items by reason", "object", additionalProperties=_COUNTED),
}

_ITEM = closed_object(
    "Item",
    "One image in one target region",
    {
        "id": output_uuid("The item's id"),
        "resource": output(
            f'The image\'s id in the source region, or "{ALL}" until the job is planned',
            maxLength=36,
        ),
        "resource_type": {"description": "The type of the resource", "enum": ["image"]},
        "source_region": output("The region where the record is read"),
        "target_region": output("The region where the record is created"),
        "sync_status": enum(tuple(ItemState)),
        "created_at": output_datetime("The time of planning, or of the job's creation"),
        "updated_at": output_datetime(_UPDATED_AT, allow_none_text=True),
        "action": {
            "description": "The planned action; null until the job is planned",
            "enum": ["create", "update", "none", "retry", None],
        },
        "target_resource": output("The image's id in the target region", STRING_OR_NULL),
        "reason": output("A stable word for the item's outcome", STRING_OR_NULL),
        "message": output("A sentence for a person", STRING_OR_NULL),
        "attempts": output_count("The number of runs that have tried the item"),
    },
)

_JOB = closed_object(
    "Job",
    "A job, with counts of all its items",
    {
        **_SUMMARY,
        "all_projects": output("True if the job is about the images of every project", "boolean"),
        "dry_run": output("True if a set of the job is a dry run", "boolean"),
        "cancelled": output("True if the job was cancelled", "boolean"),
        "runs": output_count("The number of runs"),
        "rule": output(
            "The id of the rule that made the job, if one did", STRING_OR_NULL, maxLength=36
        ),
        "trigger": {
            "description": "The cause of a rule's job",
            "enum": [*map(str, Trigger), None],
        },
        **_COUNTS,
        "regions": output(
            "The two counts by target region",
            "object",
            additionalProperties=closed_object(
                "RegionCounts", "The counts of a region's items", _COUNTS
            ),
        ),
    },
)

#: The response to a request that creates, cancels or retries a job.
ACCEPTED = closed_object(
    "JobAccepted",
    "The job, in brief",
    {
        "job_status": closed_object(
            "JobStatus",
            "The job, in brief",
            {
                "id": output_uuid("The job's id"),
                "status": {"description": "Its state", "enum": [ItemState.IN_PROGRESS.value]},
                "created_at": output_datetime("The time of the job's creation, in UTC"),
            },
        )
    },
)

LISTED = closed_object(
    "Jobs",
    "A page of a project's jobs",
    {
        "job_set": output(
            "The jobs", "array", items=closed_object("JobSummary", "A job, in brief", _SUMMARY)
        ),
        "links": LINKS,
    },
)

SHOWN = closed_object(
    "JobItems",
    "A page of a job's items, and the job",
    {"job_set": output("The items", "array", items=_ITEM), "job": _JOB, "links": LINKS},
)

DELETED: dict[str, Any] = closed_object("Deleted", "Nothing", {})
