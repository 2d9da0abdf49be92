"""End tasks and jobs, and delete the trust of a job after its end.

The database decides whether the run that an engine means is still the present one, so it is asked
first.  Subscribers are told and the trust is deleted after that.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kingbird import events
from kingbird.db import api as db
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.leases import HeldLease
from kingbird.states import STATE_OF, ItemState, Reason, RuleState

CANCELLED = db.job_ends.CANCELLED

LOG = logging.getLogger(__name__)


def record(
    claim: db.Claim, outcomes: Sequence[Mapping[str, Any]], *, answered: bool = False
) -> None:
    """Store the outcomes of some items of a task.

    :param answered: whether the region has answered a write.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    if outcomes:
        db.outcomes.record(claim, outcomes, answered=answered)
        _emit_outcomes(claim, outcomes)


def end_task(
    access: JobCredentials,
    held: HeldLease,
    outcomes: Sequence[Mapping[str, Any]] = (),
    *,
    reason: str = Reason.INTERNAL_ERROR,
    message: str = db.outcomes.NOT_WORKED_ON,
) -> None:
    """End a task, or the planning of a job that is given up.

    :param outcomes: the last ones of the task.
    :param reason: the reason of items that have no outcome.
    :raises kingbird.exception.LeaseLost: another engine has the work by now.
    """
    rest = None
    if held.claim.task is None:
        db.unplanned.drop_unfinished(held.claim)
        rest = db.unplanned.store_rest(held.claim, reason, message)
    held.stop_renewing()
    ending = db.outcomes.end_task(held.claim, outcomes, reason=reason, message=message, rest=rest)
    if outcomes:
        _emit_outcomes(held.claim, outcomes)
    while ending.has_more:
        # Other items are ended one batch after the other, under the lease.
        held.go_on_renewing()
        _emit_ended(ending, reason)
        held.raise_if_lost()
        held.stop_renewing()
        ending = db.outcomes.end_task(held.claim, reason=reason, message=message)
    finish(access, held.claim.job, ending, reason)


def end_job(
    access: JobCredentials, job: db.Job, reason: str, message: str = db.outcomes.NOT_WORKED_ON
) -> None:
    """End a job that no engine works on, unless an engine has taken it since it was read."""
    finish(access, job, db.job_ends.end_job(job, reason, message), reason)


def finish(access: JobCredentials, job: db.Job, ending: db.Ending, reason: str = "") -> None:
    """Do what follows a transaction that may have ended a job.

    :param reason: the reason of the items that the transaction ended.
    """
    _emit_ended(ending, reason)
    if ending.state is None or ending.ended_at is None:
        return
    LOG.log(
        logging.WARNING if ending.reason else logging.INFO,
        "Job %s ended: %s",
        job.id,
        ending.reason or ending.state,
    )
    events.emit(events.JobEnded(job, ending.state, ending.reason, ending.ended_at))
    if ending.rule is not None:
        _tell_of_rule(ending.rule, ending.ended_at)
    access.revoke_trust(job)
    access.forget(job)


def _emit_ended(ending: db.Ending, reason: str) -> None:
    """Tell of the items that a transaction ended without work on them."""
    left_as = ending.left_as or reason
    for region, count in ending.items.items():
        events.emit(events.ItemsEnded(region, STATE_OF[Reason(left_as)], left_as, count))


def _tell_of_rule(change: db.RuleChange, changed_at: datetime) -> None:
    LOG.log(
        logging.INFO if change.state == RuleState.OK else logging.WARNING,
        "Rule %s is %s now, and was %s before: %s",
        change.rule_id,
        change.state,
        change.before,
        change.reason or "nothing failed",
    )
    events.emit(events.RuleStateChanged(change, changed_at))


def _emit_outcomes(claim: db.Claim, outcomes: Sequence[Mapping[str, Any]]) -> None:
    counts = Counter(
        (outcome["status"], outcome["reason"])
        for outcome in outcomes
        # An item whose data are to arrive has not ended.
        if outcome["status"] != ItemState.IN_PROGRESS
    )
    for (status, reason), count in counts.items():
        events.emit(events.ItemsEnded(claim.region_task.region, status, reason, count))
    events.emit(events.JobProgress(claim.job))
