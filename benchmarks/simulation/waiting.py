"""The work that waits, in the order in which Kingbird's claims take it."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

Entry = tuple[float, int, Any]


class Turns:
    """The last turn of each project, as ``kingbird.db.turns`` finds it in the jobs in progress."""

    def __init__(self) -> None:
        self._turns: dict[str, dict[int, float]] = defaultdict(dict)
        self._heaps: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def start(self, now: float, project: str) -> float:
        """Return the later of now and a project's last turn."""
        turns, heap = self._turns[project], self._heaps[project]
        while heap and turns.get(heap[0][1]) != -heap[0][0]:
            heapq.heappop(heap)
        return max(now, -heap[0][0]) if heap else now

    def set(self, project: str, job: int, turn: float) -> None:
        """Set the turn of a job in progress."""
        self._turns[project][job] = turn
        heapq.heappush(self._heaps[project], (-turn, job))

    def end(self, project: str, job: int) -> None:
        """Forget a job that has ended."""
        self._turns[project].pop(job, None)


@dataclass
class _Project:
    """The waiting work of one project: all of it, and by region."""

    all: list[Entry] = field(default_factory=list)
    by_region: dict[str | None, list[Entry]] = field(default_factory=lambda: defaultdict(list))


class Waiting:
    """Rows that can be claimed, first turn first, and of the same turn first key first."""

    def __init__(self) -> None:
        self._projects: dict[str, _Project] = defaultdict(_Project)
        self._heads: list[tuple[float, int, str]] = []
        self._there: set[int] = set()
        self._keys = itertools.count()

    def __len__(self) -> int:
        return len(self._there)

    def add(self, turn: float, project: str, region: str | None, work: Any) -> None:
        """Add a row with the next key."""
        key = next(self._keys)
        entry = turn, key, work
        one = self._projects[project]
        self._there.add(key)
        heapq.heappush(one.all, entry)
        heapq.heappush(one.by_region[region], entry)
        if one.all[0] is entry:
            heapq.heappush(self._heads, (turn, key, project))

    def take(
        self, full_projects: Collection[str] = (), full_regions: Collection[str] = ()
    ) -> Any | None:
        """Remove and return the first row that may be claimed, if there is one."""
        best: tuple[Entry, str] | None = None
        passed = []
        for head in self._ordered_heads():
            if best is not None and best[0][:2] < head[:2]:
                heapq.heappush(self._heads, head)
                break
            passed.append(head)
            project = head[2]
            if project in full_projects:
                continue
            entry = self._first(self._projects[project], full_regions)
            if entry is not None and (best is None or entry[:2] < best[0][:2]):
                best = entry, project
        for head in passed:
            heapq.heappush(self._heads, head)
        if best is None:
            return None
        entry, project = best
        self._there.discard(entry[1])
        if (new := self._top(self._projects[project].all)) is not None:
            heapq.heappush(self._heads, (*new[:2], project))
        return entry[2]

    def _ordered_heads(self) -> Iterator[tuple[float, int, str]]:
        """Remove and yield the first row of each project, first turn first."""
        last = None
        while self._heads:
            head = heapq.heappop(self._heads)
            if head == last or head[1] not in self._there:
                continue
            top = self._top(self._projects[head[2]].all)
            if top is None or top[1] != head[1]:
                continue
            last = head
            yield head

    def _first(self, one: _Project, full_regions: Collection[str]) -> Entry | None:
        if not full_regions:
            return self._top(one.all)
        found = None
        for region, heap in one.by_region.items():
            if region in full_regions:
                continue
            top = self._top(heap)
            if top is not None and (found is None or top[:2] < found[:2]):
                found = top
        return found

    def _top(self, heap: list[Entry]) -> Entry | None:
        while heap and heap[0][1] not in self._there:
            heapq.heappop(heap)
        return heap[0] if heap else None
