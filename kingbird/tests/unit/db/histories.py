"""Jobs to which something happens at random."""

import contextlib
import random

from kingbird import exception
from kingbird.db import api as db
from kingbird.db.job_actions import Part
from kingbird.states import STATE_OF
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, expire, row, sync_set

REGIONS = ("R2", "R3", "R4")
IMAGES = tuple(f"i{number}" for number in range(8))
REASONS = ("created", "drift", "region_unavailable", "deleted_in_target", "cancelled")


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def columns_of(reason):
    return {"status": STATE_OF[reason], "reason": reason}


class History:
    """A job to which something happens at random."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        request = [sync_set(["*"], ["R1"], REGIONS, data="import")]
        self.job_id = accepted_job(request=request)

    def either(self, share=0.3):
        return self.chance.random() < share

    def unheard(self):
        """Lose the answer to a commit, or not."""
        return lost_answer() if self.either() else contextlib.nullcontext()

    def rows(self, pairs):
        return [self.row(*pair) for pair in pairs]

    def row(self, image, region):
        size = self.chance.randrange(3)
        if not self.either(0.7):
            about = {**columns_of(self.reason()), "data": self.chance.choice((None, "none"))}
            return row(image, region, work=None, action="none", bytes=size, **about)
        if self.either():
            # The record is in order, and its data are to be imported.
            about = {"reason": "in_sync", "data_since": 0, "action": "import"}
            return row(image, region, data="pending", bytes=size, **about)
        return row(image, region, data=self.chance.choice((None, "pending")), bytes=size)

    def reason(self):
        return self.chance.choice(REASONS)

    def some_pairs(self):
        number = self.chance.randrange(1, 6)
        return [(self.chance.choice(IMAGES), self.chance.choice(REGIONS)) for _ in range(number)]

    def plan(self):
        claim = db.leases.claim_job("e1", LEASE)
        if claim is None:
            return
        is_retry = claim.job.plan_rest == db.retried_items.RETRY_REST
        if is_retry and not self.settle_before(claim):
            return
        part = claim.job.plan_parts - is_retry
        with db.plans.PlanWriter(claim, part) as plan:
            batches = [self.some_pairs() for _ in range(self.chance.randrange(3))]
            cursor = {"known_to": {"R4": "b"}, "unsorted": []} if self.either() else None
            if is_retry:
                pairs = [one for one in db.job_actions.unplanned_items(claim) if one[0] != "*"]
                cursor = db.retried_items.RETRY_REST if self.either() else None
                # Others wait for their regions.
                batches.append(self.chance.sample(pairs, len(pairs) // 2) if cursor else pairs)
            for pairs in batches:
                with self.unheard():
                    plan.add(self.rows(pairs))
            if self.either():
                # The engine dies.
                expire()
                return
            plan.hold(self.rows(self.some_pairs()))
            with self.unheard():
                plan.finish(
                    {"R2": self.chance.randrange(3)},
                    cursor,
                    db.plans.Take(LEASE, 100) if self.either() else None,
                    compared=["R2"] if cursor else None,
                )
        if self.either(0.8):
            expire()

    @staticmethod
    def settle_before(claim):
        """Let the rows follow that a retry begins with, and tell whether all have."""
        while db.settling.settle_claimed(claim):
            pass
        return True

    def work(self):
        claim = db.leases.claim_task("e1", LEASE)
        if claim is None:
            return
        if claim.task.kind == "data":
            done = self.take_turn(claim)
        else:
            items = db.items.open_items(claim, self.chance.randrange(1, 4))
            done = [self.outcome(item) for item in items]
        with self.unheard():
            db.outcomes.record(claim, done)
        if self.either():
            db.outcomes.record(claim, done)
        if self.either(0.6):
            with self.unheard():
                self.end(claim)
        expire()

    def outcome(self, item):
        about = {"pk": item.pk, "message": None, "data": item.data, "data_since": None}
        if item.data == "pending" and self.either(0.6):
            waits = {"status": "IN_PROGRESS", "reason": "created", "data_since": 0}
            return {**about, **waits}
        after = item.data and self.chance.choice(("none", "active"))
        return {**about, **columns_of(self.reason()), "data": after}

    def take_turn(self, claim):
        turn = db.imports.begin_turn(claim, 3)
        with self.unheard():
            db.imports.reserve(claim, turn.waiting, db.imports.Limits(2, 2))
        states = ("active", "failed", "none")
        return [
            {
                "pk": item.pk,
                "message": None,
                **columns_of(self.reason()),
                "data": self.chance.choice(states),
            }
            for item in turn.running
        ]

    @staticmethod
    def end(claim):
        # The second run of a commit that was done finds that the claim is over.
        with contextlib.suppress(exception.LeaseLost):
            db.outcomes.end_task(claim, reason="region_unavailable", message="Away")

    def give_up_planning(self):
        claim = db.leases.claim_job("e1", LEASE)
        if claim is not None:
            with self.unheard():
                self.end(claim)

    def end_job(self):
        if self.either():
            with self.unheard():
                db.job_ends.end_job(get(self.job_id), self.chance.choice(("quota", "cancelled")))

    def retry(self):
        job = get(self.job_id)
        regions = self.chance.sample(REGIONS, 2) if self.either() else None
        resources = self.chance.sample(IMAGES, 5) if self.either() else None
        about = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": f"r{job.runs}"}
        with self.unheard() if job.status != "IN_PROGRESS" else contextlib.nullcontext():
            db.job_actions.retry(job, **about, part=Part(regions, resources))

    def step(self):
        acts = (self.plan, self.plan, self.work, self.work, self.work, self.retry)
        self.chance.choice((*acts, self.give_up_planning, self.end_job))()
