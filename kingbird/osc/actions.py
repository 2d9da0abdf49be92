"""The commands ``openstack image sync cancel`` and ``retry``."""

import argparse
from typing import Any

from kingbird.osc import options
from kingbird.osc.base import SyncShowOne


class _JobCommand(SyncShowOne):
    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("job", metavar="<job>", help="Job (ID)")
        return parser


class CancelSync(_JobCommand):
    """Cancel a job: calls in progress are finished, the rest is left"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's options."""
        parser = super().get_parser(prog_name)
        options.add_project(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Cancel the job."""
        client = self.client_of(parsed_args)
        client.cancel(parsed_args.job)
        return self.show_job(client, parsed_args.job, parsed_args)


class RetrySync(_JobCommand):
    """Retry what failed of a job, or was cancelled"""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Retry the job."""
        self.client.retry(parsed_args.job)
        return self.show_job(self.client, parsed_args.job, parsed_args)
