"""Begin the full runs of rules that are due."""

import logging

from kingbird.db import api as db

LOG = logging.getLogger(__name__)


def begin_due_runs() -> int:
    """Make a job for each rule whose full run is due.  Several engines may do so at a time.

    :returns: the number of jobs that were made.
    """
    begun = 0
    for rule in db.rule_runs.due():
        job_id = db.rule_runs.begin_due_run(rule)
        if job_id is not None:
            LOG.info("Rule %s is due: job %s", rule.id, job_id)
            begun += 1
    return begun
