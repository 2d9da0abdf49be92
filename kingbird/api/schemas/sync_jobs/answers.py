"""The schemas of the responses about jobs."""

from typing import Any

from kingbird import request_summary
from kingbird.api.schemas.limits import MAX_NAME
from kingbird.api.schemas.shapes import (
    DIFFERENT_FIELDS,
    LINKS,
    STRING_OR_NULL,
    JSONSchema,
    closed_object,
    enum,
    output,
    output_count,
    output_datetime,
    output_enum,
    output_map,
    output_nullable_datetime,
    output_uuid,
)
from kingbird.api.schemas.sync_jobs.bodies import ON_ORPHAN
from kingbird.states import (
    ALL,
    PUBLIC_JOB_STATES,
    DataState,
    ItemState,
    MemberMode,
    Origin,
    Phase,
    ResourceType,
    Trigger,
)

_UPDATED_AT = 'The time of the last update; "None" before the first one'

_SUMMARY: dict[str, JSONSchema] = {
    "id": output_uuid("The job's id"),
    "sync_status": enum(PUBLIC_JOB_STATES),
    "created_at": output_datetime("The time of the job's creation, in UTC"),
    "updated_at": output_datetime(_UPDATED_AT, allow_none_text=True),
}

_COUNTED: JSONSchema = {"type": "integer", "minimum": 0}
_COUNTS = {
    "statuses": output_map("The number of items by sync_status", _COUNTED),
    "outcomes": output_map("The number of items by reason", _COUNTED),
}

_ITEM = closed_object(
    "Item",
    "One image in one target region",
    {
        "id": output_uuid("The item's id"),
        "resource": output(
            f'The image\'s id in the source region, or "{ALL}" until the job is planned; the '
            "name of a namespace of metadata definitions",
            maxLength=MAX_NAME,
        ),
        "resource_name": output("The image's name when it was planned", STRING_OR_NULL),
        "resource_type": output_enum("The type of the resource", ResourceType),
        "source_region": output("The region where the record is read"),
        "target_region": output("The region where the record is created"),
        "sync_status": enum(tuple(ItemState)),
        "created_at": output_datetime("The time of planning, or of the job's creation"),
        "updated_at": output_datetime(_UPDATED_AT, allow_none_text=True),
        "action": output_enum(
            "The planned action; null until the job is planned",
            ["create", "update", "import", "delete", "none", "retry", None],
        ),
        "target_resource": output(
            "The image's id, or the namespace's name, in the target region", STRING_OR_NULL
        ),
        "reason": output("A stable word for the item's outcome", STRING_OR_NULL),
        "message": output("A sentence for a person", STRING_OR_NULL),
        "fields": DIFFERENT_FIELDS,
        "attempts": output_count("The number of runs that have tried the item"),
        "data": output_enum(
            "The state of the copy's data; null if the set does not ask for them",
            [*DataState, None],
        ),
        "bytes": output("The size of the data", ["integer", "null"], minimum=0),
        "data_seconds": output(
            "The seconds that the import of the data took", ["number", "null"], minimum=0
        ),
        "import_task": output(
            "Glance's task of the last import of the data that was seen, as the target's log "
            "names it",
            STRING_OR_NULL,
        ),
    },
)

#: The fields that a job has in either form.
_FLAGS = {
    "all_projects": output("True if the job is about the images of every project", "boolean"),
    "dry_run": output("True if a set of the job is a dry run", "boolean"),
    "of": output(
        "The id of the dry run whose plan the job carries out, or of the job that it undoes",
        STRING_OR_NULL,
        maxLength=36,
    ),
    "cancelled": output("True if the job was cancelled", "boolean"),
    "runs": output_count("The number of runs"),
}
_RULE = {
    "rule": output(
        "The id of the rule that made the job, if one did", STRING_OR_NULL, maxLength=36
    ),
    "trigger": output_enum("The cause of a rule's job", [*Trigger, None]),
}
_STRINGS: JSONSchema = {"type": "string"}
_DATA = {
    "data": output_map(
        "The number of items by the state of their data, with their bytes",
        closed_object(
            "DataCount",
            "Items whose data are in one state",
            {
                "items": output_count("The number of items"),
                "bytes": output_count("The size of their data"),
            },
        ),
    )
}
_ALL_COUNTS = {
    **_COUNTS,
    **_DATA,
    "regions": output_map(
        "The counts by target region",
        closed_object(
            "RegionCounts",
            "The counts of a region's items, and of their data",
            {**_COUNTS, **_DATA},
        ),
    ),
}

_WAITS_FOR = output(
    "Regions that are away, and whose share of the job waits until they are back",
    "array",
    items=_STRINGS,
)

_JOB = closed_object(
    "Job",
    "A job, with counts of all its items",
    {
        **_SUMMARY,
        **_FLAGS,
        **_RULE,
        "waits_for": _WAITS_FOR,
        **_ALL_COUNTS,
    },
)

_ASKED = closed_object(
    "AskedSet",
    "A set as it was asked for, shortened",
    {
        "resource_type": output_enum("The type of the resources", ResourceType),
        "resources": output(
            f'The first ids of images, at most {request_summary.MAX_RESOURCES}, or "{ALL}"',
            "array",
            items=_STRINGS,
        ),
        "resources_total": output_count("The number of ids in the request"),
        "source": output("The regions where the images are read", "array", items=_STRINGS),
        "target": output("The regions where the records are created", "array", items=_STRINGS),
        "filters": {"description": "The filters, as a request has them", "type": "object"},
        "all_projects": output("True if the set is about every project's images", "boolean"),
        "dry_run": output("True if the set is a dry run", "boolean"),
        "force": output("True if copies get other ids", "boolean"),
        "on_drift": enum(["report", "update"]),
        "prune": output(
            "True if updates remove properties that the source does not have", "boolean"
        ),
        "same_name": enum(["report", "skip"]),
        "members": enum(tuple(MemberMode), "The members of copies that are compared."),
        "on_orphan": enum(ON_ORPHAN),
    },
)

_DETAIL = closed_object(
    "JobDetail",
    "A job, how far it is, and what was asked for",
    {
        **_SUMMARY,
        "ended_at": output_nullable_datetime("The time of the job's end, in UTC"),
        "project_id": output("The project that the job belongs to"),
        "user_id": output("The user whose rights the job has"),
        **_FLAGS,
        "origin": enum(tuple(Origin), "Who made the job."),
        **_RULE,
        "phase": enum(tuple(Phase), "How far the job is."),
        "waits_for": _WAITS_FOR,
        "listed": output_map(
            "The number of images that planning has listed so far, by region", _COUNTED
        ),
        **_ALL_COUNTS,
        "in_sync": output_count("Images that are in sync and have no item"),
        "sets_total": output_count("The number of sets in the request"),
        "request": output(
            f"The first sets of the request, at most {request_summary.MAX_SETS}",
            "array",
            items=_ASKED,
        ),
    },
)

#: The response to a request that creates, cancels, retries or applies a job.
ACCEPTED = closed_object(
    "JobAccepted",
    "The job, in brief",
    {
        "job_status": closed_object(
            "JobStatus",
            "The job, in brief",
            {
                "id": output_uuid("The job's id"),
                "status": output_enum("Its state", [ItemState.IN_PROGRESS]),
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

DETAILED = closed_object(
    "JobDetails",
    "A page of jobs with details",
    {"job_set": output("The jobs", "array", items=_DETAIL), "links": LINKS},
)

SHOWN = closed_object(
    "JobItems",
    "A page of a job's items, and the job",
    {"job_set": output("The items", "array", items=_ITEM), "job": _JOB, "links": LINKS},
)

DELETED: dict[str, Any] = closed_object("Deleted", "Nothing", {})
