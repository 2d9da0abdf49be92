"""Show a job's progress on a terminal, with a bar for each target region."""

import sys
from collections.abc import Iterator
from typing import Any, TextIO

from kingbird.osc.output import JSON
from kingbird.states import OPEN_DATA, DataState
from kingbird.text import escape

#: The words about a region that is away.
WAITS = "waits for the region"


class Progress:
    """A context manager that draws to standard error if that is a terminal.

    :param enabled: False to draw nothing.
    """

    def __init__(self, enabled: bool = True, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._planning: Any = None
        self._is_shown = enabled and self._stream.isatty()

    def __enter__(self) -> "Progress":
        if self._is_shown:
            # The import is slow, and every openstack command loads this plugin.
            from rich import progress  # noqa: PLC0415
            from rich.console import Console  # noqa: PLC0415

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.TextColumn("{task.fields[done]}", markup=False),
                progress.TextColumn("{task.fields[outcomes]}", markup=False),
                console=Console(file=self._stream),
            )
            self._bars.start()
            self._planning = self._bars.add_task("planning", total=None, done="", outcomes="")
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, job: JSON) -> None:
        """Draw the progress of a job in the API's form."""
        if self._bars is None:
            return
        regions = job.get("regions") or {}
        awaited = job.get("waits_for") or ()
        for region in awaited:
            if region not in regions:
                # Nothing is planned for it yet.
                self._draw(region, None, None, "", WAITS)
        for region in sorted(regions):
            done, total, outcomes = tally(regions[region])
            if region in awaited:
                outcomes = ", ".join(filter(None, (outcomes, WAITS)))
            self._draw(region, done, total, f"{done}/{total}", outcomes)
            there, size = arrived(regions[region])
            if size:
                words = f"{mebibytes(there)}/{mebibytes(size)} MiB"
                self._draw(f"{region} data", there, size, words, "")
        if self._planning is not None and (self._tasks or job["sync_status"] != "IN_PROGRESS"):
            self._bars.remove_task(self._planning)
            self._planning = None

    def _draw(
        self, name: str, done: int | None, total: int | None, words: str, outcomes: str
    ) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(
                escape(name), total=total, done="", outcomes=""
            )
        about = {"done": words, "outcomes": outcomes}
        self._bars.update(self._tasks[name], total=total, completed=done, **about)


def arrived(counts: JSON) -> tuple[int, int]:
    """Return the bytes of data that a region does not wait for any more, and of all.

    :param counts: those of a region, of the API's response.
    """
    sizes = {state: one["bytes"] for state, one in (counts.get("data") or {}).items()}
    total = sum(sizes.values())
    return total - sum(sizes.get(state, 0) for state in OPEN_DATA), total


def would_import(job: JSON) -> Iterator[str]:
    """Yield a sentence for each region into which a dry run would import data."""
    if not job.get("dry_run"):
        return
    for region, counts in sorted((job.get("regions") or {}).items()):
        found = (counts.get("data") or {}).get(DataState.PENDING)
        if found:
            images = "1 image" if found["items"] == 1 else f"{found['items']} images"
            yield f"{region} would import {images}, {mebibytes(found['bytes'])} MiB"


def mebibytes(size: int) -> str:
    """Return a number of bytes in MiB."""
    return f"{size / 2**20:.1f}"


def tally(counts: dict[str, dict[str, int]]) -> tuple[int, int, str]:
    """Return the numbers of ended and of all items of a region, and a text of their outcomes.

    :param counts: ``statuses`` and ``outcomes`` of the API's response.
    """
    statuses = counts["statuses"]
    total = sum(statuses.values())
    outcomes = sorted(counts["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    text = ", ".join(f"{count} {reason}" for reason, count in outcomes)
    return total - statuses.get("IN_PROGRESS", 0), total, escape(text)
