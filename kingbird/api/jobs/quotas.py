"""The quotas of jobs and rules.  They are read at each request because the options are mutable."""

from collections.abc import Mapping

from oslo_config import cfg

from kingbird import exception
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.db import api as db

#: The ``Retry-After`` of a project that has too many jobs, in seconds.
RETRY_AFTER = 30


def check_job_quota(conf: cfg.ConfigOpts, project_id: str, *, requested: int = 1) -> None:
    """Check that a project may have more jobs in progress.

    :param requested: the number of further jobs; 0 if all of them are stored.
    :raises kingbird.exception.TooManyRequests: the project has too many.
    """
    limit = conf.sync.max_jobs_per_project
    if limit and db.jobs.count_active(project_id) + requested > limit:
        raise exception.TooManyRequests(
            f"The project has {limit} job(s) in progress, which is as many as it may have "
            "([sync] max_jobs_per_project)",
            retry_after=RETRY_AFTER,
        )


def check_item_quota(conf: cfg.ConfigOpts, sets_by_id: Mapping[str, StoredSyncSet]) -> None:
    """Check the size of a job, as far as its request determines it.

    :param sets_by_id: the sets with image ids by their fields, without ``*`` among the regions.
    :raises kingbird.exception.BadRequest: the job is too large.
    """
    limit = conf.sync.max_items_per_job
    items = sum(len(each["resources"]) * len(each["targets"]) for each in sets_by_id.values())
    if limit and items > limit:
        raise exception.BadRequest(
            f"{', '.join(sets_by_id)}: {items} items, an item being an image in a target region; "
            f"a job can have {limit} ([sync] max_items_per_job)"
        )


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
