"""The commands ``openstack image sync cancel`` and ``retry``."""

import argparse
from typing import Any

from kingbird.osc.base import JobShowOne


class CancelSync(JobShowOne):
    """Cancel a job: calls in progress are finished, the rest is left"""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Cancel the job."""
        client = self.client_of(parsed_args)
        client.cancel(parsed_args.job)
        return self.show_job(client, parsed_args.job, parsed_args)


class RetrySync(JobShowOne):
    """Retry what failed of a job, or was cancelled"""

    takes_project = False

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Retry the job."""
        self.client.retry(parsed_args.job)
        return self.show_job(self.client, parsed_args.job, parsed_args)
