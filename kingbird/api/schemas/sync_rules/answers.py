"""The schemas of the responses about rules."""

from kingbird.api.schemas.shapes import (
    LINKS,
    JSONSchema,
    array_of,
    closed_object,
    enum,
    output_boolean,
    output_count,
    output_datetime,
    output_nullable_datetime,
    output_nullable_string,
    output_string,
    output_uuid,
)
from kingbird.states import RuleState

_STRINGS = {"type": "string"}

_RULE: JSONSchema = closed_object(
    "Rule",
    "A set that stands, and its state",
    {
        "id": output_uuid("The rule's id"),
        "project_id": output_string("The project that the rule belongs to"),
        "user_id": output_string("The user whose rights the rule's jobs have"),
        "name": output_string("The rule's name"),
        "description": output_string("A text for people"),
        "enabled": output_boolean("False if the rule does not run"),
        "interval": output_count("Seconds between two full runs; 0: on request only"),
        "resource_type": {"description": "The type of the resources", "enum": ["image"]},
        "resources": array_of('Ids of images, or "*" alone', _STRINGS),
        "source": array_of("The regions where the images are read", _STRINGS),
        "target": array_of("The regions where the records are created", _STRINGS),
        "filters": {"description": "The filters, as a request has them", "type": "object"},
        "all_projects": output_boolean("True if the rule is about every project's images"),
        "on_drift": enum(["report", "update"]),
        "prune": output_boolean("True if updates remove properties that the source does not have"),
        "force": output_boolean("True if copies get other ids where theirs can't be used"),
        "state": enum(tuple(RuleState)),
        "reason": output_nullable_string("A stable word for the cause of the state"),
        "message": output_nullable_string("A sentence for a person"),
        "failures": output_count("Full runs that failed since one that did not"),
        "next_run_at": output_nullable_datetime("When the next full run is due, in UTC"),
        "last_run_at": output_nullable_datetime("When the last full run ended"),
        "last_success_at": output_nullable_datetime("When the last one without a failure ended"),
        "last_job": output_nullable_string("The id of the rule's newest job that is kept"),
        "created_at": output_datetime("The time of the rule's creation, in UTC"),
        "updated_at": output_nullable_datetime("The time of the last change by a user"),
    },
)

SHOWN = closed_object("RuleShown", "A rule", {"rule": _RULE})
LISTED = closed_object(
    "Rules", "A page of a project's rules", {"rules": array_of("The rules", _RULE), "links": LINKS}
)
