"""The schemas of rules: request bodies, queries and responses."""

from kingbird.api.schemas.sync_rules.bodies import create, run, update
from kingbird.api.schemas.sync_rules.rules import StoredRule, merge, normalize_rule

__all__ = ["StoredRule", "create", "merge", "normalize_rule", "run", "update"]
