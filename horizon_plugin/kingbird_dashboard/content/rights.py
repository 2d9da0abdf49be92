"""Which calls the user's roles allow.

The rules are those of Kingbird's policies, which the settings give to Horizon.  Kingbird itself
decides; this only hides a button that would be refused.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from openstack_dashboard import policy

import kingbird_dashboard

SCOPE = "synchronization"
#: The rule of each call, by the word that templates use.
RULES = {
    "list_jobs": "kingbird:sync_jobs:list",
    "sync": "kingbird:sync_jobs:create",
    "apply": "kingbird:sync_jobs:apply",
    "cancel": "kingbird:sync_jobs:cancel",
    "retry": "kingbird:sync_jobs:retry",
    "undo": "kingbird:sync_jobs:undo",
    "delete": "kingbird:sync_jobs:delete",
    "import_data": "kingbird:sync_jobs:import",
    "list_rules": "kingbird:sync_rules:list",
    "create_rule": "kingbird:sync_rules:create",
    "update_rule": "kingbird:sync_rules:update",
    "delete_rule": "kingbird:sync_rules:delete",
    "run_rule": "kingbird:sync_rules:run",
    "show_state": "kingbird:sync_state:show",
    "list_state": "kingbird:sync_state:list",
    "list_engines": "kingbird:engines:list",
}


def rule(word: str) -> tuple[tuple[str, str], ...]:
    """Return the policy rule of a word of :data:`RULES`, as Horizon's panels and tabs take it."""
    return ((SCOPE, RULES[word]),)


def may(request: Any, word: str) -> bool:
    """Return whether the user's roles allow the call of a word of :data:`RULES`."""
    # Horizon allows what it has no rule for.
    return RULES[word] in _known() and bool(policy.check(rule(word), request))


@cache
def _known() -> frozenset[str]:
    """Return the names of the policies of the Kingbird that this package was made for."""
    file = Path(kingbird_dashboard.__file__).parent / "conf/default_policies/kingbird.yaml"
    return frozenset(one["name"] for one in yaml.safe_load(file.read_text()))


def of_user(request: Any) -> dict[str, bool]:
    """Return for each word of :data:`RULES` whether the user's roles allow the call."""
    return {word: may(request, word) for word in RULES}
