"""The commands ``openstack image sync cancel``, ``retry``, ``apply`` and ``undo``."""

import argparse

from kingbird.osc.arguments import repeated
from kingbird.osc.base import JobShowOne
from kingbird.osc.output import Table
from kingbird.states import ALL


class _PartOfJob(JobShowOne):
    """Base of the commands that are about a job or a part of it."""

    #: A word for the effect on the part.
    verb: str

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        super()._add_options(parser)
        repeated(
            parser,
            "--region",
            "<region>",
            f"{self.verb} only what is about this target region (repeat for several)",
            dest="regions",
        )
        repeated(
            parser,
            "--image",
            "<image>",
            f"{self.verb} only what is about this image (name or ID; repeat for several)",
            dest="images",
        )

    def part_of(self, parsed_args: argparse.Namespace) -> dict[str, list[str] | None]:
        """Return the part of the job that the options name.

        :raises osc_lib.exceptions.CommandError: no image or several ones have a name.
        """
        images = parsed_args.images
        return {
            "regions": parsed_args.regions,
            "resources": self.images().ids(images, [ALL]) if images else None,
        }


class CancelSync(_PartOfJob):
    """Cancel a job or a part: calls in progress are finished, the rest is left"""

    verb = "Cancel"

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Cancel the job."""
        client = self.client_of(parsed_args)
        client.cancel(parsed_args.job, **self.part_of(parsed_args))
        return self.show_job(client, parsed_args.job, parsed_args)


class RetrySync(_PartOfJob):
    """Retry what failed of a job, or was cancelled"""

    takes_project = False
    verb = "Retry"

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Retry the job."""
        self.client.retry(parsed_args.job, **self.part_of(parsed_args))
        return self.show_job(self.client, parsed_args.job, parsed_args)


class ApplySync(JobShowOne):
    """Carry out the plan of a dry run as a new job

    Images that have changed since the dry run are left alone, with the reason plan_outdated.
    """

    takes_project = False

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Create the job, and wait for it if the user wants that."""
        job_id = self.client.apply(parsed_args.job)
        return self.show_job(self.client, job_id, parsed_args)


class UndoSync(JobShowOne):
    """Take back what a job created and updated, as a new job

    Records that the job created are hidden, and fields that it updated get their old values. What
    somebody has changed since then is left alone.
    """

    takes_project = False

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Create the job, and wait for it if the user wants that."""
        job_id = self.client.undo(parsed_args.job)
        return self.show_job(self.client, job_id, parsed_args)
