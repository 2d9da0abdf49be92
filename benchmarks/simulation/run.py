"""Run a simulation: events, in the order of their times."""

import heapq
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.simulation import options
from benchmarks.simulation.costs import Costs
from benchmarks.simulation.engine import Engine, Job, Task
from benchmarks.simulation.options import Options
from benchmarks.simulation.scenario import Cloud, JobRequest
from benchmarks.simulation.stations import Database, Region, Servers
from benchmarks.simulation.waiting import Turns, Waiting
from kingbird.db import turns


class Simulation:
    """Engines with their jobs, and what they wait for.

    :ivar open_seconds: the sum over time of the number of jobs in progress.
    """

    def __init__(
        self,
        requests: Sequence[JobRequest],
        engines: int,
        cloud: Cloud,
        costs: Costs,
        settings: Options,
    ) -> None:
        self.now = 0.0
        self.cloud, self.costs, self.options = cloud, costs, settings
        self.calls_at_a_time = settings.calls_at_a_time(engines)
        self.database = Database(cloud.databases)
        self.keystone = Servers(cloud.keystones)
        self.regions = {
            name: Region(self.calls_at_a_time, cloud.workers, self.at) for name in cloud.regions
        }
        self.engines = [Engine(number, self) for number in range(engines)]
        self.tasks, self.jobs = Waiting(), Waiting()
        self.all_jobs: list[Job] = []
        self.written = 0
        self.tasks_done = 0
        self.open_seconds = 0.0
        self._open = 0
        self._turns = Turns()
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        for request in requests:
            self.at(request.at, self._accept, request)

    def at(self, time: float, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function at a time, which it is told."""
        self._number += 1
        heapq.heappush(self._events, (time, self._number, function, arguments))

    def run(self) -> "Simulation":
        """Run until every job has ended."""
        events, wanted = self._events, len(self._events)
        while events and len(self.all_jobs) - self._open < wanted:
            time, _, function, arguments = heapq.heappop(events)
            self.open_seconds += self._open * (time - self.now)
            self.now = time
            function(time, *arguments)
        return self

    def begin(
        self, engine: Engine, region: str, calls: int, seconds: float, done: Callable[[], None]
    ) -> None:
        """Begin calls of an engine to a region."""
        self.regions[region].begin(self.now, engine.number, calls, seconds, done)

    def _accept(self, now: float, request: JobRequest) -> None:
        """Take a job up, and wake one engine."""
        asked = options.request(request.images, len(request.targets))
        start = self._turns.start(1000 * now, request.project)
        job = Job(1 + len(self.all_jobs), request, start + turns.cost_of_plan(asked))
        self._turns.set(request.project, job.number, job.turn)
        self._open += 1
        self.all_jobs.append(job)
        self.jobs.add(job.turn, request.project, None, job)
        self.engines[job.number % len(self.engines)].wake(now)

    def tasks_of(self, now: float, job: Job) -> list[Task]:
        """Return the tasks of a job that was planned, each with a turn of its own."""
        asked = job.request
        cost = turns.cost_of_task(asked.images)
        start = self._turns.start(1000 * now, asked.project)
        job.turn = start + cost * len(asked.targets)
        self._turns.set(asked.project, job.number, job.turn)
        job.open_tasks = len(asked.targets)
        return [
            Task(job, region, start + cost * number, asked.images)
            for number, region in enumerate(turns.in_order(asked.targets, job.number), start=1)
        ]

    def add_task(self, task: Task) -> None:
        """Let a task be claimed."""
        self.tasks.add(task.turn, task.job.request.project, task.region, task)

    def wake_all(self, now: float) -> None:
        """Wake all engines, as the message about a plan does."""
        for engine in self.engines:
            engine.wake(now)

    def task_ended(self, now: float, task: Task) -> None:
        """End the job with its last task."""
        self.tasks_done += 1
        job = task.job
        job.open_tasks -= 1
        if not job.open_tasks:
            job.ended_at = now
            self._open -= 1
            self._turns.end(job.request.project, job.number)
            self.keystone.use(now, self.costs.token)
