"""The quota of ``[rules]``.  It is read at each request because the option is mutable."""

from oslo_config import cfg

from kingbird import exception
from kingbird.db import api as db


def check_rule_quota(conf: cfg.ConfigOpts, project_id: str) -> None:
    """Check that a project may have one rule more.

    :raises kingbird.exception.TooManyRequests: the project has too many.
    """
    limit = conf.rules.max_rules_per_project
    if limit and db.rules.count(project_id) >= limit:
        raise exception.TooManyRequests(
            f"The project has {limit} rule(s), which is as many as it may have "
            "([rules] max_rules_per_project)"
        )
