"""The command ``openstack image sync engine list``."""

import argparse
from typing import Any

from osc_lib.cli import format_columns

from kingbird.osc.base import SyncLister

#: The columns, and the fields that engines and listeners share in the API's response.
_COLUMNS = {
    "ID": "id",
    "Host": "host",
    "PID": "pid",
    "Version": "version",
    "Started At": "started_at",
    "Last Seen": "last_seen",
    "Alive": "alive",
}


class ListEngines(SyncLister):
    """List the engines, and the listeners with the regions that they hear (admin only)"""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Return the engines and the listeners."""
        engines, listeners = self.client.engines()
        rows = [
            (
                *(program[field] for field in _COLUMNS.values()),
                kind,
                format_columns.ListColumn(_connected(program)),
            )
            for kind, programs in (("engine", engines), ("listener", listeners))
            for program in programs
        ]
        return (*_COLUMNS, "Type", "Hears"), rows


def _connected(program: dict[str, Any]) -> list[str]:
    """Return the regions to which a listener is connected."""
    regions = program.get("regions", {})
    return sorted(name for name, region in regions.items() if region["connected"])
