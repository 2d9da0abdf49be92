"""What the calls about jobs answer."""

from typing import Any

from kingbird.api.schemas.formats import ALL
from kingbird.api.schemas.shapes import (
    LINKS,
    Shape,
    answered,
    answered_flag,
    answered_id,
    answered_moment,
    answered_number,
    answered_or_null,
    entries,
    one_of,
    whole,
)
from kingbird.db import api as db

_NONE_YET = 'When it was last updated; "None" while nothing was'

_SUMMARY: dict[str, Shape] = {
    "id": answered_id("The job's id"),
    "sync_status": one_of(db.jobs.JOB_STATES),
    "created_at": answered_moment("When the job was accepted, in UTC"),
    "updated_at": answered_moment(_NONE_YET, may_lack=True),
}

_COUNTS: Shape = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}

_ITEM = whole(
    "Item",
    "One image in one target region",
    {
        "id": answered_id("The item's id"),
        "resource": {
            **answered(f'The image\'s id where it is read, or "{ALL}" until the job is planned'),
            "maxLength": 36,
        },
        "resource_type": {"description": "What it is", "enum": ["image"]},
        "source_region": answered("Where the record is read"),
        "target_region": answered("Where the record is made"),
        "sync_status": one_of(db.jobs.ITEM_STATES),
        "created_at": answered_moment("When it was planned, or the job accepted"),
        "updated_at": answered_moment(_NONE_YET, may_lack=True),
        "action": {
            "description": "What is done; null until the job is planned",
            "enum": ["create", "update", "none", "retry", None],
        },
        "target_resource": answered_or_null("The image's id in the target region"),
        "reason": answered_or_null("A stable word that tells why it ended so"),
        "message": answered_or_null("A sentence for a person"),
        "attempts": answered_number("How many runs of the job have tried it"),
    },
)

_OVERVIEW = whole(
    "Job",
    "A job, and what became of its items whichever page shows them",
    {
        **_SUMMARY,
        "all_projects": answered_flag("Whether it is about the images of every project"),
        "dry_run": answered_flag("Whether a set of it writes nothing"),
        "cancelled": answered_flag("Whether it was asked to end early"),
        "runs": answered_number("How often it was started"),
        "statuses": {"description": "How many items there are by sync_status", **_COUNTS},
        "outcomes": {"description": "How many items there are by reason", **_COUNTS},
        "regions": {
            "description": "The two counts by target region",
            "type": "object",
            "additionalProperties": whole(
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
ACCEPTED = whole(
    "JobAccepted",
    "The job, in brief",
    {
        "job_status": whole(
            "JobStatus",
            "The job, in brief",
            {
                "id": answered_id("The job's id"),
                "status": {"description": "Its state", "enum": [db.jobs.IN_PROGRESS]},
                "created_at": answered_moment("When the job was accepted, in UTC"),
            },
        )
    },
)

LISTED = whole(
    "Jobs",
    "A page of a project's jobs",
    {
        "job_set": entries("The jobs", whole("JobSummary", "A job, in brief", _SUMMARY)),
        "links": LINKS,
    },
)

SHOWN = whole(
    "JobItems",
    "A page of a job's items, and the job",
    {"job_set": entries("The items", _ITEM), "job": _OVERVIEW, "links": LINKS},
)

DELETED: dict[str, Any] = whole("Deleted", "Nothing", {})
