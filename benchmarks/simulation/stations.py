"""The stations where work waits: a database, a processor, a Keystone and Glances of regions."""

import heapq
from collections.abc import Callable

from benchmarks.simulation.costs import Cost


class Servers:
    """Some servers that take what comes in the order in which it comes."""

    def __init__(self, number: int) -> None:
        self._free = [0.0] * number
        self.busy = 0.0

    def use(self, now: float, seconds: float) -> float:
        """Return when work of some seconds has been done."""
        end = max(now, self._free[0]) + seconds
        heapq.heapreplace(self._free, end)
        self.busy += seconds
        return end

    def share(self, now: float, seconds: float) -> float:
        """Return when a little work has been done that does not wait behind much of it."""
        self.use(now, seconds)
        return now + seconds


class Database(Servers):
    """A database that works on some transactions at the same time."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.statements = 0.0
        self.ended = 0.0

    def run(self, now: float, cost: Cost) -> float:
        """Return when transactions that follow each other have ended."""
        self.statements += cost.statements
        self.ended += cost.ended
        return self.use(now, cost.database)


class _Flow:
    """The calls of one engine to a region, as pieces of work that share them equally."""

    __slots__ = ("at", "pieces", "reached", "version")

    def __init__(self) -> None:
        self.pieces: list[tuple[float, int, Callable[[], None]]] = []
        #: The share that each piece has got, and the region's figure when it had that.
        self.reached = 0.0
        self.at = 0.0
        self.version = 0


class Region:
    """The Glance of a region, which all engines that call it share equally.

    Each engine makes a limited number of calls at a time.  Work is measured in seconds that one
    call takes if it is alone.

    :param calls_at_a_time: of each engine.
    :param workers: calls that the Glance works on at the same time.
    :param schedule: calls a function at a time.
    """

    def __init__(
        self,
        calls_at_a_time: int,
        workers: float,
        schedule: Callable[..., None],
    ) -> None:
        self._most = calls_at_a_time
        self._workers = workers
        self._schedule = schedule
        self._flows: dict[int, _Flow] = {}
        #: The share that each flow has got since the beginning, and the time of that.
        self._given = 0.0
        self._at = 0.0
        self._ends: list[tuple[float, int, int]] = []
        self._version = 0
        self._number = 0
        self.calls = 0

    def begin(
        self, now: float, engine: int, calls: int, seconds: float, done: Callable[[], None]
    ) -> None:
        """Begin some calls of an engine.

        :param seconds: of one call.
        :param done: is called when all have been answered.
        """
        self.calls += calls
        self._advance(now)
        flow = self._flows.get(engine)
        if flow is None:
            flow = self._flows[engine] = _Flow()
            flow.at = self._given
        self._share(flow)
        self._number += 1
        heapq.heappush(flow.pieces, (flow.reached + calls * seconds, self._number, done))
        self._expect(engine, flow)
        self._plan(now)

    def _rate(self) -> float:
        return min(float(self._most), self._workers / len(self._flows)) if self._flows else 0.0

    def _advance(self, now: float) -> None:
        self._given += (now - self._at) * self._rate()
        self._at = now

    def _share(self, flow: _Flow) -> None:
        """Share what a flow has got since the last look among its pieces."""
        if flow.pieces:
            flow.reached += (self._given - flow.at) / len(flow.pieces)
        flow.at = self._given

    def _expect(self, engine: int, flow: _Flow) -> None:
        self._number += 1
        flow.version = self._number
        left = (flow.pieces[0][0] - flow.reached) * len(flow.pieces)
        heapq.heappush(self._ends, (self._given + left, engine, flow.version))

    def _plan(self, now: float) -> None:
        """Schedule the next end of a piece."""
        self._version += 1
        while self._ends:
            at, engine, version = self._ends[0]
            flow = self._flows.get(engine)
            if flow is None or flow.version != version:
                heapq.heappop(self._ends)
                continue
            due = now + max(0.0, at - self._given) / self._rate()
            self._schedule(due, self._end, self._version)
            return

    def _end(self, now: float, version: int) -> None:
        if version != self._version:
            return
        self._advance(now)
        _, engine, _ = heapq.heappop(self._ends)
        flow = self._flows[engine]
        self._share(flow)
        target, _, done = heapq.heappop(flow.pieces)
        # The sums of long runs are not exact.
        flow.reached = max(flow.reached, target)
        if flow.pieces:
            self._expect(engine, flow)
        else:
            # A flow that comes again begins anew.
            del self._flows[engine]
        self._plan(now)
        done()
