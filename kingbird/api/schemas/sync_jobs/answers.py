"""The schemas of the responses about jobs."""

from typing import Any

from kingbird import request_summary
from kingbird.api.schemas import output
from kingbird.api.schemas.limits import MAX_NAME
from kingbird.api.schemas.shapes import JSONSchema, enum
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
    "id": output.uuid("The job's id"),
    "sync_status": enum(PUBLIC_JOB_STATES),
    "created_at": output.datetime("The time of the job's creation, in UTC"),
    "updated_at": output.datetime(_UPDATED_AT, allow_none_text=True),
}

_COUNTED: JSONSchema = {"type": "integer", "minimum": 0}
_COUNTS = {
    "statuses": output.by_name("The number of items by sync_status", _COUNTED),
    "outcomes": output.by_name("The number of items by reason", _COUNTED),
}

_ITEM = output.closed(
    "Item",
    "One image in one target region",
    {
        "id": output.uuid("The item's id"),
        "resource": output.text(
            f'The image\'s id in the source region, or "{ALL}" until the job is planned; the '
            "name of a namespace of metadata definitions",
            maxLength=MAX_NAME,
        ),
        "resource_name": output.nullable_text("The image's name when it was planned"),
        "resource_type": output.enum("The type of the resource", ResourceType),
        "source_region": output.text("The region where the record is read"),
        "target_region": output.text("The region where the record is created"),
        "sync_status": enum(tuple(ItemState)),
        "created_at": output.datetime("The time of planning, or of the job's creation"),
        "updated_at": output.datetime(_UPDATED_AT, allow_none_text=True),
        "action": output.enum(
            "The planned action; null until the job is planned",
            ["create", "update", "import", "delete", "none", "retry", None],
        ),
        "target_resource": output.nullable_text(
            "The image's id, or the namespace's name, in the target region"
        ),
        "reason": output.nullable_text("A stable word for the item's outcome"),
        "message": output.nullable_text("A sentence for a person"),
        "fields": output.DIFFERENT_FIELDS,
        "attempts": output.count("The number of runs that have tried the item"),
        "data": output.enum(
            "The state of the copy's data; null if the set does not ask for them",
            [*DataState, None],
        ),
        "bytes": output.value("The size of the data", ["integer", "null"], minimum=0),
        "data_seconds": output.value(
            "The seconds that the import of the data took", ["number", "null"], minimum=0
        ),
        "import_task": output.nullable_text(
            "Glance's task of the last import of the data that was seen, as the target's log "
            "names it"
        ),
    },
)

#: The fields that a job has in either form.
_FLAGS = {
    "all_projects": output.flag("True if the job is about the images of every project"),
    "dry_run": output.flag("True if a set of the job is a dry run"),
    "of": output.nullable_text(
        "The id of the dry run whose plan the job carries out, or of the job that it undoes",
        maxLength=36,
    ),
    "cancelled": output.flag("True if the job was cancelled"),
    "runs": output.count("The number of runs"),
}
_RULE = {
    "rule": output.nullable_text("The id of the rule that made the job, if one did", maxLength=36),
    "trigger": output.enum("The cause of a rule's job", [*Trigger, None]),
}
_DATA = {
    "data": output.by_name(
        "The number of items by the state of their data, with their bytes",
        output.closed(
            "DataCount",
            "Items whose data are in one state",
            {
                "items": output.count("The number of items"),
                "bytes": output.count("The size of their data"),
            },
        ),
    )
}
_ALL_COUNTS = {
    **_COUNTS,
    **_DATA,
    "regions": output.by_name(
        "The counts by target region",
        output.closed(
            "RegionCounts",
            "The counts of a region's items, and of their data",
            {**_COUNTS, **_DATA},
        ),
    ),
}

_WAITS_FOR = output.texts(
    "Regions that are away, and whose share of the job waits until they are back"
)

_JOB = output.closed(
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

_ASKED = output.closed(
    "AskedSet",
    "A set as it was asked for, shortened",
    {
        "resource_type": output.enum("The type of the resources", ResourceType),
        "resources": output.texts(
            f'The first ids of images, at most {request_summary.MAX_RESOURCES}, or "{ALL}"'
        ),
        "resources_total": output.count("The number of ids in the request"),
        "source": output.texts("The regions where the images are read"),
        "target": output.texts("The regions where the records are created"),
        "filters": {"description": "The filters, as a request has them", "type": "object"},
        "all_projects": output.flag("True if the set is about every project's images"),
        "dry_run": output.flag("True if the set is a dry run"),
        "force": output.flag("True if copies get other ids"),
        "on_drift": enum(["report", "update"]),
        "prune": output.flag("True if updates remove properties that the source does not have"),
        "same_name": enum(["report", "skip"]),
        "members": enum(tuple(MemberMode), "The members of copies that are compared."),
        "on_orphan": enum(ON_ORPHAN),
    },
)

_DETAIL = output.closed(
    "JobDetail",
    "A job, how far it is, and what was asked for",
    {
        **_SUMMARY,
        "ended_at": output.nullable_datetime("The time of the job's end, in UTC"),
        "project_id": output.text("The project that the job belongs to"),
        "user_id": output.text("The user whose rights the job has"),
        **_FLAGS,
        "origin": enum(tuple(Origin), "Who made the job."),
        **_RULE,
        "phase": enum(tuple(Phase), "How far the job is."),
        "waits_for": _WAITS_FOR,
        "listed": output.by_name(
            "The number of images that planning has listed so far, by region", _COUNTED
        ),
        **_ALL_COUNTS,
        "in_sync": output.count("Images that are in sync and have no item"),
        "sets_total": output.count("The number of sets in the request"),
        "request": output.array(
            f"The first sets of the request, at most {request_summary.MAX_SETS}", _ASKED
        ),
    },
)

#: The response to a request that creates, cancels, retries or applies a job.
ACCEPTED = output.closed(
    "JobAccepted",
    "The job, in brief",
    {
        "job_status": output.closed(
            "JobStatus",
            "The job, in brief",
            {
                "id": output.uuid("The job's id"),
                "status": output.enum("Its state", [ItemState.IN_PROGRESS]),
                "created_at": output.datetime("The time of the job's creation, in UTC"),
            },
        )
    },
)

LISTED = output.closed(
    "Jobs",
    "A page of a project's jobs",
    {
        "job_set": output.array(
            "The jobs", output.closed("JobSummary", "A job, in brief", _SUMMARY)
        ),
        "links": output.LINKS,
    },
)

DETAILED = output.closed(
    "JobDetails",
    "A page of jobs with details",
    {"job_set": output.array("The jobs", _DETAIL), "links": output.LINKS},
)

SHOWN = output.closed(
    "JobItems",
    "A page of a job's items, and the job",
    {"job_set": output.array("The items", _ITEM), "job": _JOB, "links": output.LINKS},
)

DELETED: dict[str, Any] = output.closed("Deleted", "Nothing", {})
