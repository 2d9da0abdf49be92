"""The slots of an engine, shared between projects and regions.

A project or a region that takes many slots finds fewer that it may take, so that some are left for
others, however many there are.  The last slot is kept for planning.
"""

import threading
from collections import Counter
from typing import NamedTuple

#: The share of an engine's slots that tasks of one region may have, in case it hangs.
REGION_SHARE = 0.5
#: A project has at most so many times the slots that are free.
PROJECT_FACTOR = 2


class Claimable(NamedTuple):
    """The work that an engine may claim for its next slot.

    :ivar tasks: whether tasks may be claimed.
    :ivar full_projects: projects of which nothing may be claimed.
    :ivar full_regions: regions whose tasks may not be claimed.
    """

    tasks: bool
    full_projects: list[str]
    full_regions: list[str]


class Slots:
    """Count the work that runs by project and by region.

    :param number: the engine's slots.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._projects: Counter[str] = Counter()
        self._regions: Counter[str] = Counter()

    def take(self, project_id: str, region: str | None) -> None:
        """Note that work has begun.

        :param region: the region of a task, or ``None`` for a plan.
        """
        self._change(project_id, region, 1)

    def give_back(self, project_id: str, region: str | None) -> None:
        """Note that work has ended."""
        self._change(project_id, region, -1)

    def claimable(self) -> Claimable:
        """Return the work that may be claimed for a slot that is free."""
        with self._lock:
            free = max(1, self._number - self._projects.total())
            share = max(1, min(int(self._number * REGION_SHARE), free))
            return Claimable(
                tasks=free > 1 or self._number == 1,
                full_projects=[
                    project
                    for project, running in self._projects.items()
                    if running >= PROJECT_FACTOR * free
                ],
                full_regions=[
                    region for region, running in self._regions.items() if running >= share
                ],
            )

    def _change(self, project_id: str, region: str | None, by: int) -> None:
        with self._lock:
            for counter, name in ((self._projects, project_id), (self._regions, region)):
                if name is None:
                    continue
                counter[name] += by
                if not counter[name]:
                    # An engine meets many projects.
                    del counter[name]
