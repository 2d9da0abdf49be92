"""Shows on a terminal how far a job is: a bar for each target region, with its outcomes."""

import sys
from types import TracebackType
from typing import Any, TextIO

Job = dict[str, Any]


class Progress:
    """A context manager that draws to the standard error, and does nothing off a terminal.

    :param wanted: whether the user wants to see anything.
    """

    def __init__(self, wanted: bool = True, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._waiting: Any = None
        self._is_shown = wanted and self._stream.isatty()

    def __enter__(self) -> "Progress":
        if self._is_shown:
            # Imported by the few that see it: every openstack command loads this plugin.
            from rich import progress  # noqa: PLC0415
            from rich.console import Console  # noqa: PLC0415

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[outcomes]}", markup=False),
                console=Console(file=self._stream),
            )
            self._bars.start()
            self._waiting = self._bars.add_task("planning", total=None, outcomes="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, job: Job) -> None:
        """Draw what the API told of a job."""
        if self._bars is None:
            return
        regions = job.get("regions") or {}
        for region in sorted(regions):
            done, total, outcomes = tally(regions[region])
            if region not in self._tasks:
                self._tasks[region] = self._bars.add_task(region, total=total, outcomes="")
            self._bars.update(self._tasks[region], total=total, completed=done, outcomes=outcomes)
        if self._waiting is not None and (self._tasks or job["sync_status"] != "IN_PROGRESS"):
            self._bars.remove_task(self._waiting)
            self._waiting = None


def tally(counts: dict[str, dict[str, int]]) -> tuple[int, int, str]:
    """Return how many of a region's items have ended, how many there are, and what became of them.

    :param counts: ``statuses`` and ``outcomes`` as the API tells them.
    """
    statuses = counts["statuses"]
    total = sum(statuses.values())
    outcomes = sorted(counts["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    text = ", ".join(f"{count} {reason}" for reason, count in outcomes)
    return total - statuses.get("IN_PROGRESS", 0), total, text
