"""Claim jobs and tasks, and run a bounded number of them at a time."""

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import futurist
from oslo_config import cfg

from kingbird import events, exception, unseen_errors
from kingbird.db import api as db
from kingbird.engine import thread_context
from kingbird.engine.completion import CANCELLED, end_task
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.importer import DataImporter
from kingbird.engine.keystone_gate import KeystoneGate
from kingbird.engine.leases import HeldLease, LeaseKeeper
from kingbird.engine.planner import JobPlanner, TakenTasks
from kingbird.engine.slots import Slots
from kingbird.engine.worker import TaskWorker
from kingbird.states import Reason, TaskKind
from kingbird.tracing import jobs

LOG = logging.getLogger(__name__)

#: Seconds by which the end of a pause is passed when the work is looked for: a lease has to have
#: expired.
DUE_MARGIN = 0.02

OUT_OF_ATTEMPTS = "Engines took this up {} times in a row and got no further with it"


def _is_first_attempt(job: db.Job) -> bool:
    """Return whether a claim begins a run of a job.

    A claim that was released or made progress does not count as an attempt, but it leaves a
    generation or a lease.

    :param job: the row before the claim.
    """
    return not job.attempts and (
        job.generation == 0 or (job.runs > 1 and job.lease_expires is None)
    )


def _share_of(claim: db.Claim) -> tuple[str, str | None]:
    """Return whose slot the work of a claim takes: its project, and the region of a task."""
    return claim.job.project_id, claim.task.region if claim.task else None


@contextmanager
def _ignoring_lost_lease(claim: db.Claim) -> Iterator[None]:
    try:
        yield
    except (exception.LeaseLost, exception.Unavailable) as error:
        # The lease expires, and another engine continues.
        job, why = claim.job.id, error.message
        LOG.warning("Unable to release job %s before its lease expires: %s", job, why)


@dataclass(eq=False, repr=False)
class Dispatcher:
    """Claim jobs and tasks, and run each in a thread.

    :ivar stopping: is set when the engine stops.
    """

    conf: cfg.ConfigOpts
    engine_id: str
    leases: LeaseKeeper
    access: JobCredentials
    planner: JobPlanner
    worker: TaskWorker
    importer: DataImporter
    keystone: KeystoneGate
    stopping: threading.Event
    #: When this engine has to look for work whose pause ends, by the monotonic clock.
    _due: list[float] = field(default_factory=list, init=False)
    _due_lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _wake: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        self._slots = Slots(self.conf.engine.max_tasks)
        self._free = threading.Semaphore(self.conf.engine.max_tasks)
        self._pool = futurist.ThreadPoolExecutor(max_workers=self.conf.engine.max_tasks)

    def wake(self) -> None:
        """Look for work without waiting for the next poll."""
        self._wake.set()

    def run(self) -> None:
        """Look for work until the engine stops: when woken, and every poll interval."""
        while not self.stopping.is_set():
            self._wake.clear()
            try:
                while not self.stopping.is_set() and self._claim_next():
                    pass
            except exception.Unavailable as error:
                LOG.warning("Unable to claim work: %s", error.message)
            except Exception:
                LOG.exception("Unable to claim work")
            self._wake.wait(self._time_to_wait())

    def _time_to_wait(self) -> float:
        """Return the seconds until the next look for work: a pause may end before the poll."""
        now = time.monotonic()
        with self._due_lock:
            self._due = [due for due in self._due if due > now]
            first = min(self._due, default=math.inf)
        return min(self.conf.engine.poll_interval, first - now)

    def _claim_next(self) -> bool:
        """Claim a task or a job, and start to work on it.

        :returns: whether there may be more to claim.
        """
        if not self._free.acquire(blocking=False):
            return False
        started = False
        try:
            since = time.monotonic()
            claim = self._claim()
            if claim is not None:
                self._emit_takeover(claim)
                self._start(claim, since)
                started = True
        finally:
            if not started:
                self._free.release()
        return started

    def _claim(self) -> db.Claim | None:
        conf, tokens = self.conf.engine, self.access.token_jobs
        after_outage = self.leases.is_after_outage
        may = self._slots.claimable()
        cancelled_only = not self.keystone.is_open()
        claim = None
        with self.leases.watch_database():
            # Tasks come first, so that jobs that have begun end before others begin.
            if may.tasks:
                claim = db.leases.claim_task(
                    self.engine_id,
                    conf.lease,
                    tokens,
                    excluded_projects=may.full_projects,
                    excluded_regions=may.full_regions,
                    resting_regions=self.worker.resting_regions(),
                    cancelled_only=cancelled_only,
                    after_outage=after_outage,
                )
            return claim or db.leases.claim_job(
                self.engine_id,
                conf.lease,
                tokens,
                excluded_projects=may.full_projects,
                cancelled_only=cancelled_only,
                after_outage=after_outage,
            )

    def _start(self, claim: db.Claim, since: float) -> None:
        """Work on a claim in a thread of the pool."""
        self._slots.take(*_share_of(claim))
        try:
            work = self._pool.submit(self._run, claim, since)
        except RuntimeError:
            # The engine stops.
            self._slots.give_back(*_share_of(claim))
            self._release(claim, counts=False)
            raise
        work.add_done_callback(unseen_errors.reporter(f"the work on job {claim.job.id}"))

    def _emit_takeover(self, claim: db.Claim) -> None:
        # The row of a claim shows the lease before the claim.
        if claim.row.lease_expires and claim.row.engine_id not in (None, self.engine_id):
            events.emit(events.LeaseTakenOver("job" if claim.task is None else "task"))

    def _run(self, claim: db.Claim, since: float) -> None:
        try:
            taken = self._run_claim(claim, since)
            for task in taken.claims[1:]:
                self._start_or_release(task, taken.since)
            for task in taken.claims[:1]:
                self._slots.take(*_share_of(task))
                self._run_claim(task, taken.since)
        finally:
            self._free.release()
            # A plan that was stored has made tasks, and a thread is free now.
            self.wake()

    def _start_or_release(self, claim: db.Claim, since: float) -> None:
        """Work on a claimed task in a thread of its own, or leave it to other engines."""
        if not self._free.acquire(blocking=False):
            with _ignoring_lost_lease(claim):
                db.leases.release(claim)
            return
        try:
            self._start(claim, since)
        except RuntimeError:
            self._free.release()

    def _run_claim(self, claim: db.Claim, since: float) -> TakenTasks:
        """Work on a claim.

        :returns: the tasks of a small job that was planned.
        """
        job = claim.job
        try:
            thread_context.set_log_context(job)
            region = claim.task.region if claim.task else None
            with (
                jobs.job_span(job.id, job.request_id, region),
                self.leases.hold(claim, since) as held,
            ):
                return self._run_held(held)
        finally:
            self._slots.give_back(*_share_of(claim))

    def _run_held(self, held: HeldLease) -> TakenTasks:
        claim = held.claim
        job = claim.job
        try:
            if claim.row.attempts >= self.conf.engine.max_attempts:
                message = OUT_OF_ATTEMPTS.format(claim.row.attempts)
                self._fail_claim(held, Reason.INTERNAL_ERROR, message)
            elif claim.task is None:
                if _is_first_attempt(job):
                    events.emit(events.JobStarted(job))
                taken = self.planner.run(held, lambda: self._slots.claimable().full_regions)
                self._note_pause(taken.pause)
                return taken
            elif claim.task.kind == TaskKind.DATA:
                self._note_pause(self.importer.run(held))
            else:
                self._note_pause(self.worker.run(held))
        except exception.LeaseLost as error:
            # The engine may claim the work again, and no other one has the user's token.
            LOG.warning("Lease lost: %s", error.message)
        except exception.CredentialsLost as error:
            self._fail_claim(held, *self.access.explain_loss(job, error))
        except exception.Cancelled:
            self._fail_claim(held, Reason.CANCELLED, CANCELLED)
        except exception.JobImpossible as error:
            self._fail_claim(held, error.reason, error.message)
        except exception.Unavailable as error:
            self._postpone(claim, error)
        except Exception:
            LOG.exception("Unexpected error while working on job %s", job.id)
            self._release(claim, counts=True)
        return TakenTasks()

    def _note_pause(self, pause: float | None) -> None:
        """Look for work again when the pause of a task or a plan ends.

        :param pause: seconds, or ``None`` if it does not pause.
        """
        if pause is not None:
            with self._due_lock:
                self._due.append(time.monotonic() + pause + DUE_MARGIN)

    def _fail_claim(self, held: HeldLease, reason: str, message: str) -> None:
        """End work that cannot be done, so that its job ends."""
        with _ignoring_lost_lease(held.claim):
            end_task(self.access, held, reason=reason, message=message)

    def _postpone(self, claim: db.Claim, error: exception.Unavailable) -> None:
        """Hand a claim back, as a service that it needs is away."""
        if isinstance(error, exception.KeystoneUnavailable):
            self.keystone.close()
        LOG.warning("Job %s postponed: %s", claim.job.id, error.message)
        self._release(claim, counts=False)

    def _release(self, claim: db.Claim, *, counts: bool) -> None:
        """Release a claim with a delay, so that other work is claimed first."""
        after = 0 if self.stopping.is_set() else self.conf.engine.poll_interval
        with _ignoring_lost_lease(claim):
            db.leases.release(claim, count_attempt=counts, delay=after)

    def stop(self, grace: float) -> None:
        """Wait until running work has ended or was released.

        :param grace: seconds.
        """
        self._wake.set()
        end = time.monotonic() + grace
        for _ in range(self.conf.engine.max_tasks):
            if not self._free.acquire(timeout=max(0.0, end - time.monotonic())):
                LOG.warning("Graceful shutdown timed out, leases of running work will expire")
                break
        self._pool.shutdown(wait=False)
