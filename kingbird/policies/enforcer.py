"""Enforce the policies with oslo.policy and raise Kingbird's own errors."""

from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from kingbird import exception, policies
from kingbird.context import RequestContext


def _make(conf: cfg.ConfigOpts) -> policy.Enforcer:
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return enforcer


def get_enforcer() -> policy.Enforcer:
    """Return an enforcer for oslo.policy's tools (entry point ``oslo.policy.enforcer``).

    The tools have parsed the command line into ``cfg.CONF`` before.
    """
    return _make(cfg.CONF)


class Enforcer:
    """The rules, as the policy file changes them.  Safe for threads.

    The file is read again after a change.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = _make(conf)

    def authorize(self, context: RequestContext, rule: str, target: dict[str, Any]) -> None:
        """Check that a rule allows something.

        :param rule: a rule's name, such as ``kingbird:sync_jobs:create``.
        :param target: the values that the rule is checked against, at least ``project_id``.
        :raises kingbird.exception.Forbidden: the rule does not allow it, or the token has the
            wrong scope.
        :raises oslo_policy.policy.PolicyNotRegistered: the rule does not exist.
        """
        unscoped = f"{rule} takes a token that is scoped to a project"
        try:
            self._enforcer.authorize(rule, target, context, do_raise=True)
        except policy.InvalidScope as error:
            raise exception.Forbidden(unscoped) from error
        except policy.PolicyNotAuthorized as error:
            raise exception.Forbidden(f"The policy {rule} doesn't allow this") from error
        if context.project_id is None:
            # oslo.policy treats an unscoped token as one of a project.
            raise exception.Forbidden(unscoped)

    def allows(self, context: RequestContext, rule: str, target: dict[str, Any]) -> bool:
        """Return True if a rule allows something; see :meth:`authorize`."""
        # oslo.policy treats an unscoped token as one of a project.
        return context.project_id is not None and bool(
            self._enforcer.authorize(rule, target, context, do_raise=False)
        )
