"""The schema of the list's query."""

from kingbird.api.schemas.shapes import true_or_false
from kingbird.api.schemas.sync_jobs.queries import of_all_projects, page_query, states_of
from kingbird.db import api as db
from kingbird.states import RuleState

RULES = page_query(
    "rule",
    db.pagination.RULE_KEYS,
    {
        "all_projects": of_all_projects("rules"),
        "enabled": true_or_false("Only rules that are enabled, or only those that are not."),
        "state": states_of("state", tuple(RuleState)),
    },
)
