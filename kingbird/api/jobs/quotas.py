"""How much may be asked for, by ``[sync]``; read at each request, as both may change."""

from collections.abc import Mapping

from oslo_config import cfg

from kingbird import exception
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.db import api as db

#: Seconds after which a project with too many jobs may ask again.
RETRY_AFTER = 30


def check_job_quota(conf: cfg.ConfigOpts, project_id: str, *, requested: int = 1) -> None:
    """Go on only if a project may have more jobs in progress.

    :param requested: how many; 0 when all of them are stored.
    :raises kingbird.exception.TooManyRequests: otherwise.
    """
    most = conf.sync.max_jobs_per_project
    if most and db.jobs.count_active(project_id) + requested > most:
        raise exception.TooManyRequests(
            f"The project has {most} job(s) in progress, which is as many as it may have "
            "([sync] max_jobs_per_project)",
            retry_after=RETRY_AFTER,
        )


def check_item_quota(conf: cfg.ConfigOpts, named: Mapping[str, StoredSyncSet]) -> None:
    """Go on only if a job is not too large, as far as its request tells.

    :param named: the sets that name images, by their fields, none with ``*`` among its regions.
    :raises kingbird.exception.BadRequest: otherwise.
    """
    most = conf.sync.max_items_per_job
    items = sum(len(each["resources"]) * len(each["targets"]) for each in named.values())
    if most and items > most:
        raise exception.BadRequest(
            f"{', '.join(named)}: {items} items, an item being an image in a target region; a "
            f"job can have {most} ([sync] max_items_per_job)"
        )
