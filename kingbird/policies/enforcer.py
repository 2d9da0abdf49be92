"""Asks oslo.policy, and says no in Kingbird's words."""

from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from kingbird import exception, policies
from kingbird.context import RequestContext


def _make(conf: cfg.ConfigOpts) -> policy.Enforcer:
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(list(policies.list_rules()))
    return enforcer


def get_enforcer() -> policy.Enforcer:
    """Return an enforcer for oslo.policy's tools (entry point ``oslo.policy.enforcer``).

    They have parsed the command line into ``cfg.CONF`` by the time they call this.
    """
    return _make(cfg.CONF)


class Enforcer:
    """The rules as the configured policy file changes them.  Safe for threads.

    The file is read again when it has changed.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = _make(conf)

    def authorize(self, context: RequestContext, rule: str, target: dict[str, Any]) -> None:
        """Go on only if a rule allows it.

        :param rule: a rule's name, such as ``kingbird:sync_jobs:create``.
        :param target: what the rule is checked against, at least ``project_id``.
        :raises kingbird.exception.Forbidden: the rule says no, or the token has the wrong
            scope.
        :raises oslo_policy.policy.PolicyNotRegistered: there is no such rule.
        """
        unscoped = exception.Forbidden(f"{rule} takes a token that is scoped to a project")
        try:
            self._enforcer.authorize(rule, target, context, do_raise=True)
        except policy.InvalidScope as error:
            raise unscoped from error
        except policy.PolicyNotAuthorized as error:
            raise exception.Forbidden(f"The policy {rule} doesn't allow this") from error
        if context.project_id is None:
            # oslo.policy takes a token of nothing for one of a project.
            raise unscoped

    def allows(self, context: RequestContext, rule: str, target: dict[str, Any]) -> bool:
        """Whether a rule allows it; see :meth:`authorize`."""
        try:
            self.authorize(context, rule, target)
        except exception.Forbidden:
            return False
        return True
