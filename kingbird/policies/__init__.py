"""The RBAC rules in code, by the noun that they guard."""

from oslo_policy import policy

from kingbird.policies import base, engines, sync_jobs, sync_rules, sync_state


def list_rules() -> list[policy.RuleDefault]:
    """Return every rule (entry point ``oslo.policy.policies``)."""
    return [*base.RULES, *sync_jobs.RULES, *sync_rules.RULES, *sync_state.RULES, *engines.RULES]
