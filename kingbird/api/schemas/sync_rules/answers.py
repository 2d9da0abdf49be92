"""The schemas of the responses about rules."""

from kingbird.api.schemas import output
from kingbird.api.schemas.shapes import JSONSchema, enum
from kingbird.api.schemas.sync_jobs.bodies import ON_ORPHAN
from kingbird.states import MemberMode, ResourceType, RuleState

_RULE: JSONSchema = output.closed(
    "Rule",
    "A set that stands, and its state",
    {
        "id": output.uuid("The rule's id"),
        "project_id": output.text("The project that the rule belongs to"),
        "user_id": output.text("The user whose rights the rule's jobs have"),
        "name": output.text("The rule's name"),
        "description": output.text("A text for people"),
        "enabled": output.flag("False if the rule does not run"),
        "events": output.flag("True if uploads begin runs"),
        "interval": output.count("Seconds between two full runs; 0: none but the first"),
        "resource_type": output.enum("The type of the resources", ResourceType),
        "resources": output.texts('Ids of images, or "*" alone'),
        "source": output.texts("The regions where the images are read"),
        "target": output.texts("The regions where the records are created"),
        "filters": {"description": "The filters, as a request has them", "type": "object"},
        "all_projects": output.flag("True if the rule is about every project's images"),
        "on_drift": enum(["report", "update"]),
        "prune": output.flag("True if updates remove properties that the source does not have"),
        "force": output.flag("True if copies get other ids where theirs can't be used"),
        "same_name": enum(["report", "skip"]),
        "data": enum(["none", "import"]),
        "members": enum(tuple(MemberMode), "The members of copies that are compared."),
        "on_orphan": enum(ON_ORPHAN),
        "state": enum(tuple(RuleState)),
        "reason": output.nullable_text("A stable word for the cause of the state"),
        "message": output.nullable_text("A sentence for a person"),
        "failures": output.count("Full runs that failed since one that did not"),
        "hears": output.by_name(
            "By source region, when Glance's events were heard last; null if nobody listens to "
            "them",
            output.nullable_datetime("In UTC"),
        ),
        "waiting": output.count("Images that events named and that no run has looked at"),
        "lag": output.value(
            "Seconds for which the first of these images waits", ["number", "null"]
        ),
        "next_run_at": output.nullable_datetime("When the next full run is due, in UTC"),
        "last_run_at": output.nullable_datetime("When the last run ended"),
        "last_success_at": output.nullable_datetime("When the last run without a failure ended"),
        "last_job": output.nullable_text("The id of the rule's newest job that is kept"),
        "created_at": output.datetime("The time of the rule's creation, in UTC"),
        "updated_at": output.nullable_datetime("The time of the last change by a user"),
    },
)

SHOWN = output.closed("RuleShown", "A rule", {"rule": _RULE})
LISTED = output.closed(
    "Rules",
    "A page of a project's rules",
    {"rules": output.array("The rules", _RULE), "links": output.LINKS},
)
