"""The RBAC rules in code, by the noun that they guard."""

import itertools
from collections.abc import Iterable

from oslo_policy import policy

from kingbird.policies import base, engines, sync_jobs, sync_rules


def list_rules() -> Iterable[policy.RuleDefault]:
    """Return every rule (entry point ``oslo.policy.policies``)."""
    return itertools.chain(
        base.list_rules(), sync_jobs.list_rules(), sync_rules.list_rules(), engines.list_rules()
    )
