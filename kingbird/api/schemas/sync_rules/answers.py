"""The schemas of the responses about rules."""

from kingbird.api.schemas.shapes import (
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
from kingbird.states import MemberMode, ResourceType, RuleState

_STRINGS = {"type": "string"}

_RULE: JSONSchema = closed_object(
    "Rule",
    "A set that stands, and its state",
    {
        "id": output_uuid("The rule's id"),
        "project_id": output("The project that the rule belongs to"),
        "user_id": output("The user whose rights the rule's jobs have"),
        "name": output("The rule's name"),
        "description": output("A text for people"),
        "enabled": output("False if the rule does not run", "boolean"),
        "events": output("True if uploads begin runs", "boolean"),
        "interval": output_count("Seconds between two full runs; 0: none but the first"),
        "resource_type": output_enum("The type of the resources", ResourceType),
        "resources": output('Ids of images, or "*" alone', "array", items=_STRINGS),
        "source": output("The regions where the images are read", "array", items=_STRINGS),
        "target": output("The regions where the records are created", "array", items=_STRINGS),
        "filters": {"description": "The filters, as a request has them", "type": "object"},
        "all_projects": output("True if the rule is about every project's images", "boolean"),
        "on_drift": enum(["report", "update"]),
        "prune": output(
            "True if updates remove properties that the source does not have", "boolean"
        ),
        "force": output("True if copies get other ids where theirs can't be used", "boolean"),
        "same_name": enum(["report", "skip"]),
        "data": enum(["none", "import"]),
        "members": enum(tuple(MemberMode), "The members of copies that are compared."),
        "on_orphan": enum(ON_ORPHAN),
        "state": enum(tuple(RuleState)),
        "reason": output("A stable word for the cause of the state", STRING_OR_NULL),
        "message": output("A sentence for a person", STRING_OR_NULL),
        "failures": output_count("Full runs that failed since one that did not"),
        "hears": output_map(
            "By source region, when Glance's events were heard last; null if nobody listens to "
            "them",
            output_nullable_datetime("In UTC"),
        ),
        "waiting": output_count("Images that events named and that no run has looked at"),
        "lag": output("Seconds for which the first of these images waits", ["number", "null"]),
        "next_run_at": output_nullable_datetime("When the next full run is due, in UTC"),
        "last_run_at": output_nullable_datetime("When the last run ended"),
        "last_success_at": output_nullable_datetime("When the last run without a failure ended"),
        "last_job": output("The id of the rule's newest job that is kept", STRING_OR_NULL),
        "created_at": output_datetime("The time of the rule's creation, in UTC"),
        "updated_at": output_nullable_datetime("The time of the last change by a user"),
    },
)

SHOWN = closed_object("RuleShown", "A rule", {"rule": _RULE})
LISTED = closed_object(
    "Rules",
    "A page of a project's rules",
    {"rules": output("The rules", "array", items=_RULE), "links": LINKS},
)
