"""The command ``openstack image sync engine list``."""

import argparse
from typing import Any

from osc_lib.cli import format_columns

from kingbird.osc.arguments import flag
from kingbird.osc.base import SyncLister
from kingbird.osc.output import Table
from kingbird.osc.titles import titled

#: The columns, and the fields that engines and listeners share in the API's response.
_COLUMNS = titled("id", "host", "pid", "version", "started_at", "last_seen", "alive")


class ListEngines(SyncLister):
    """List the engines, and the listeners with the regions that they hear (admin only)"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        flag(parser, "--long", "List the parts of jobs that an engine works on")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the engines and the listeners."""
        engines, listeners = self.client.engines()
        rows = [
            (
                *(program[field] for field in _COLUMNS.values()),
                kind,
                format_columns.ListColumn(_connected(program)),
                *_work(program, parsed_args.long),
            )
            for kind, programs in (("engine", engines), ("listener", listeners))
            for program in programs
        ]
        work = ("Works On",) if parsed_args.long else ()
        return (*_COLUMNS, "Type", "Hears", "Tasks", "Failing Regions", *work), rows


def _connected(program: dict[str, Any]) -> list[str]:
    """Return the regions to which a listener is connected."""
    regions = program.get("regions", {})
    return sorted(name for name, region in regions.items() if region["connected"])


def _work(program: dict[str, Any], long: bool) -> list[Any]:
    """Return the number of an engine's tasks, the regions that it leaves alone, and the tasks.

    A region comes with the time since which it is left alone.
    """
    tasks = program.get("tasks", [])
    failing = program.get("failing_regions", {})
    cells = [
        len(tasks),
        format_columns.DictColumn({name: each["away_since"] for name, each in failing.items()}),
    ]
    if long:
        cells.append(format_columns.ListDictColumn(tasks))
    return cells
