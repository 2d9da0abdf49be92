"""Write Kingbird's default policies in the form that Horizon reads.

``make samples`` writes the file, and a unit test fails if it is outdated.
"""

from __future__ import annotations

from typing import Any

import yaml
from oslo_policy import policy

from dashboard_run.environment import PLUGIN
from kingbird import policies

FILE = PLUGIN / "kingbird_dashboard" / "conf" / "default_policies" / "kingbird.yaml"
_HEAD = "# Written by `make samples` out of kingbird.policies.  Horizon hides buttons by it.\n"


def render() -> str:
    """Return the file's text."""
    rules = [_as_dict(rule) for rule in policies.list_rules()]
    return _HEAD + yaml.safe_dump(rules, sort_keys=False, allow_unicode=True, width=99)


def write() -> None:
    """Write the file."""
    FILE.write_text(render())


def _as_dict(rule: policy.RuleDefault) -> dict[str, Any]:
    operations = getattr(rule, "operations", None)
    return {
        "name": rule.name,
        "check_str": rule.check_str,
        "description": rule.description,
        **({"operations": [dict(one) for one in operations]} if operations else {}),
        "scope_types": list(rule.scope_types or ()),
    }
