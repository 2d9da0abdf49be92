"""One engine of a simulation: it claims work, plans jobs and writes records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.simulation import options
from benchmarks.simulation.costs import Cost
from benchmarks.simulation.scenario import JobRequest
from benchmarks.simulation.stations import Servers
from kingbird.engine.slots import Slots

if TYPE_CHECKING:
    from benchmarks.simulation.run import Simulation


@dataclass(eq=False)
class Job:
    """A job in progress.

    :ivar number: counts from 1, as the keys of rows do.
    :ivar taken_at: when an engine took it up.
    """

    number: int
    request: JobRequest
    turn: float
    taken_at: float = math.nan
    ended_at: float = math.nan
    open_tasks: int = 0
    #: The engines that have a token of the job, and when each looked for a cancellation last.
    looked: dict[int, float] = field(default_factory=dict)
    #: The engines that have listed the members of its shared images.
    read_by: set[int] = field(default_factory=set)


@dataclass(eq=False)
class Task:
    """A job's share in a region.

    :ivar left: the items without an outcome.
    :ivar recorded: when the last batch of outcomes is stored.
    :ivar response: seconds that storing it takes.
    """

    job: Job
    region: str
    turn: float
    left: int
    recorded: float = 0.0
    response: float = 0.0


def _slot(work: Job | Task) -> tuple[str, str | None]:
    """Return project and region of the slot that work takes."""
    if isinstance(work, Task):
        return work.job.request.project, work.region
    return work.request.project, None


def _ignore() -> None:
    """Do nothing about answers that no one waits for."""


class Engine:
    """One engine process."""

    def __init__(self, number: int, world: Simulation) -> None:
        self.number = number
        self.processor = Servers(1)
        self.claims = 0
        self.slots = Slots(world.options.max_tasks)
        self._world = world
        self._free = world.options.max_tasks
        self._looks = False
        self._woken = False
        self._poll = 0

    # The dispatcher.

    def wake(self, now: float) -> None:
        """Look for work, or look once more."""
        self._woken = True
        if not self._looks:
            self._look(now)

    def _look(self, now: float) -> None:
        """Claim work as long as there is some and a thread for it."""
        self._looks = True
        self._woken = False
        self._claim(now)

    def _claim(self, now: float) -> None:
        world = self._world
        if not self._free:
            self._rest(now)
            return
        costs, may = world.costs, self.slots.claimable()
        full = may.full_projects
        work: Job | Task | None = None
        if may.tasks:
            work = world.tasks.take(full, may.full_regions)
        cost = costs.claim_task
        if work is None:
            work = world.jobs.take(full)
            cost = costs.claim_job if work is not None else costs.claim_nothing
        end = self._run(now, cost)
        if work is None:
            world.at(end, self._rest)
            return
        self.claims += 1
        self._free -= 1
        self._take_slot(work)
        world.at(end, self._claimed, work)

    def _claimed(self, now: float, work: Job | Task) -> None:
        self._start(now, work)
        self._claim(now)

    def _rest(self, now: float) -> None:
        self._looks = False
        if self._woken:
            self._look(now)
        elif self._free:
            self._poll += 1
            self._world.at(now + self._world.options.poll_interval, self._on_poll, self._poll)

    def _on_poll(self, now: float, number: int) -> None:
        if number == self._poll and not self._looks:
            self._look(now)

    def _take_slot(self, work: Job | Task) -> None:
        self.slots.take(*_slot(work))

    def _give_back(self, work: Job | Task) -> None:
        self.slots.give_back(*_slot(work))

    def _run(self, now: float, cost: Cost) -> float:
        """Return when transactions have ended."""
        return self._world.database.run(self.processor.share(now, cost.engine), cost)

    # Work in a thread.

    def _start(self, now: float, work: Job | Task) -> None:
        if isinstance(work, Job):
            work.taken_at = now
            self._with_token(now, work, lambda at: self._plan(at, work))
        else:
            self._with_token(now, work.job, lambda at: self._write(at, work))

    def _with_token(self, now: float, job: Job, then: Callable[[float], None]) -> None:
        """Get a token of a job first, if this engine has none."""
        if self.number not in job.looked:
            job.looked[self.number] = now
            now = self._world.keystone.use(now, self._world.costs.token)
        end = self._run(now, self._world.costs.look)
        self._world.at(end, then)

    def _plan(self, now: float, job: Job) -> None:
        """List the images in all regions at the same time."""
        world, asked = self._world, job.request
        calls, rounds = options.lists_of_target(asked.images)
        least = now + rounds * world.cloud.page
        left = 1 + len(asked.targets)

        def one_done() -> None:
            nonlocal left
            left -= 1
            if not left:
                world.at(max(world.now, least), self._store, job)

        world.begin(
            self, asked.source, options.lists_of_source(asked.images), world.cloud.page, one_done
        )
        for region in asked.targets:
            world.begin(self, region, calls, world.cloud.page, one_done)

    def _store(self, now: float, job: Job) -> None:
        """Store the plan, whose last batch is stored with the end."""
        world, costs = self._world, self._world.costs
        items = job.request.images * len(job.request.targets)
        batches = math.ceil(items / world.options.plan_batch)
        cost = costs.store_item.times(items).plus(costs.finish)
        cost = cost.plus(costs.store.times(batches - 1))
        world.at(self._run(now, cost), self._planned, job)

    def _planned(self, now: float, job: Job) -> None:
        world, asked = self._world, job.request
        tasks = world.tasks_of(now, job)
        items = asked.images * len(asked.targets)
        mine: list[Task] = []
        if items <= world.options.small_job:
            full = self.slots.claimable().full_regions
            mine = [task for task in tasks if task.region not in full]
        self._give_back(job)
        for task in tasks:
            if task not in mine:
                world.add_task(task)
        for task in mine[1:]:
            if self._free:
                self._free -= 1
                self._take_slot(task)
                self._start(now, task)
            else:
                self._run(now, world.costs.release)
                world.add_task(task)
        if mine:
            # The thread of the plan goes on with the first one.
            self._take_slot(mine[0])
            self._start(now, mine[0])
        else:
            self._free += 1
        if len(tasks) > max(1, len(mine)):
            world.wake_all(now)
        self.wake(now)

    def _write(self, now: float, task: Task) -> None:
        """Write the next records of a task."""
        world, job = self._world, task.job
        shared = round(job.request.images * world.cloud.shared)
        if shared and self.number not in job.read_by:
            # Each engine lists members once, while it writes, for all regions.
            job.read_by.add(self.number)
            world.begin(self, job.request.source, shared, world.cloud.page, _ignore)
        begun = self._run(now, world.costs.open_items)
        world.at(begun, self._write_some, task)

    def _write_some(self, now: float, task: Task) -> None:
        world = self._world
        some = min(world.options.flush, task.left)
        least = now + world.cloud.record * math.ceil(some / world.calls_at_a_time)
        least = max(least, self.processor.use(now, some * world.costs.item))

        def done() -> None:
            world.at(max(world.now, least), self._written, task, some, now)

        world.begin(self, task.region, some, world.cloud.record, done)

    def _written(self, now: float, task: Task, some: int, since: float) -> None:
        """Store outcomes: a hundred of them, or those of a second."""
        world, costs = self._world, self._world.costs
        task.left -= some
        world.written += some
        self._look_for_cancellation(now, task.job)
        # A task stores nothing while it waits for the last batch to be stored.
        more = int((now - since) // (world.options.flush_seconds + task.response))
        more = min(more, some - 1)
        if more:
            # These were stored in the meantime, and nobody waits for them.
            self._run(now, costs.record.times(more))
        last = costs.end_task if not task.left else costs.record
        begin = max(now, task.recorded)
        task.recorded = self._run(begin, last.plus(costs.record_item.times(some)))
        task.response = task.recorded - begin
        if task.left:
            # Calls go on while outcomes are stored.
            self._write(now, task)
        else:
            world.at(task.recorded, self._end, task)

    def _look_for_cancellation(self, now: float, job: Job) -> None:
        looks = int((now - job.looked[self.number]) // self._world.options.cancellation_interval)
        if looks:
            job.looked[self.number] = now
            self._run(now, self._world.costs.look.times(looks))

    def _end(self, now: float, task: Task) -> None:
        self._give_back(task)
        self._free += 1
        self._world.task_ended(now, task)
        self.wake(now)
