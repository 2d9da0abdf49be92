"""The command ``openstack image sync engine list``."""

import argparse
from typing import Any

from kingbird.osc.base import SyncLister

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
    """List the engines that do the work (admin only)"""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Return the engines."""
        rows = [
            tuple(engine.get(field) for field in _COLUMNS.values())
            for engine in self.client.engines()
        ]
        return tuple(_COLUMNS), rows
