"""What the calls about jobs answer."""

from typing import Any

from kingbird.api.schemas.shapes import (
    LINKS,
    JSONSchema,
    array_of,
    closed_object,
    enum,
    output_boolean,
    output_count,
    output_datetime,
    output_nullable_string,
    output_string,
    output_uuid,
)
from kingbird.states import ALL, PUBLIC_JOB_STATES, ItemState

_NONE_YET = 'When it was last updated; "None" while nothing was'

_SUMMARY: dict[str, JSONSchema] = {
    "id": output_uuid("The job's id"),
    "sync_status": enum(PUBLIC_JOB_STATES),
    "created_at": output_datetime("When the job was accepted, in UTC"),
    "updated_at": output_datetime(_NONE_YET, allow_none_text=True),
}

_COUNTS: JSONSchema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}

_ITEM = closed_object(
    "Item",
    "One image in one target region",
    {
        "id": output_uuid("The item's id"),
        "resource": {
            **output_string(
                f'The image\'s id where it is read, or "{ALL}" until the job is planned'
            ),
            "maxLength": 36,
        },
        "resource_type": {"description": "What it is", "enum": ["image"]},
        "source_region": output_string("Where the record is read"),
        "target_region": output_string("Where the record is made"),
        "sync_status": enum(tuple(ItemState)),
        "created_at": output_datetime("When it was planned, or the job accepted"),
        "updated_at": output_datetime(_NONE_YET, allow_none_text=True),
        "action": {
            "description": "What is done; null until the job is planned",
            "enum": ["create", "update", "none", "retry", None],
        },
        "target_resource": output_nullable_string("The image's id in the target region"),
        "reason": output_nullable_string("A stable word that tells why it ended so"),
        "message": output_nullable_string("A sentence for a person"),
        "attempts": output_count("How many runs of the job have tried it"),
    },
)

_OVERVIEW = closed_object(
    "Job",
    "A job, and what became of its items whichever page shows them",
    {
        **_SUMMARY,
        "all_projects": output_boolean("Whether it is about the images of every project"),
        "dry_run": output_boolean("Whether a set of it writes nothing"),
        "cancelled": output_boolean("Whether it was asked to end early"),
        "runs": output_count("How often it was started"),
        "statuses": {"description": "How many items there are by sync_status", **_COUNTS},
        "outcomes": {"description": "How many items there are by reason", **_COUNTS},
        "regions": {
            "description": "The two counts by target region",
            "type": "object",
            "additionalProperties": closed_object(
                "RegionCounts",
                "What became of a region's items",
                {
                    "statuses": {"description": "How many by sync_status", **_COUNTS},
                    "outcomes": {"description": "How many by reason", **_COUNTS},
                },
            ),
        },
    },
)

#: What is told of a job when it is made, cancelled or tried again.
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
                "created_at": output_datetime("When the job was accepted, in UTC"),
            },
        )
    },
)

LISTED = closed_object(
    "Jobs",
    "A page of a project's jobs",
    {
        "job_set": array_of("The jobs", closed_object("JobSummary", "A job, in brief", _SUMMARY)),
        "links": LINKS,
    },
)

SHOWN = closed_object(
    "JobItems",
    "A page of a job's items, and the job",
    {"job_set": array_of("The items", _ITEM), "job": _OVERVIEW, "links": LINKS},
)

DELETED: dict[str, Any] = closed_object("Deleted", "Nothing", {})
