"""The commands ``openstack image sync list``, ``show``, ``summary`` and ``delete``."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from osc_lib import exceptions

from kingbird.osc import options, paging
from kingbird.osc.base import JobShowOne, SyncCommand, SyncLister

#: The columns of items, and the fields of the API's response; --long adds columns.
_ITEM = {
    "Image": "resource",
    "Source": "source_region",
    "Target": "target_region",
    "Status": "sync_status",
    "Action": "action",
    "Reason": "reason",
    "Message": "message",
}
_MORE = {
    "ID": "id",
    "Target Image": "target_resource",
    "Attempts": "attempts",
    "Created At": "created_at",
    "Updated At": "updated_at",
}

Listed = tuple[Sequence[str], Iterable[Sequence[Any]]]


class ListSync(SyncLister):
    """List jobs, the newest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--active", action="store_true", help="List only jobs in progress")
        parser.add_argument(
            "--rule", metavar="<rule>", help="List only jobs of this rule (name or ID)"
        )
        paging.add_paging(parser, "jobs")
        options.add_project(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """Return the jobs."""
        query = paging.query_of(parsed_args)
        client = self.client_of(parsed_args)
        if parsed_args.rule is not None:
            query["rule"] = client.rule(parsed_args.rule)["id"]
        jobs, more_follow = client.jobs(active=parsed_args.active, **query)
        if more_follow and not parsed_args.limit:
            self.print_status("More jobs follow; --all lists them all")
        fields = ("id", "sync_status", "created_at", "updated_at")
        return ("ID", "Status", "Created At", "Updated At"), _rows(jobs, fields)


class ShowSync(SyncLister):
    """Show the outcome of each image of a job in each region"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("job", metavar="<job>", help="Job (ID)")
        parser.add_argument("--long", action="store_true", help="Show all fields of the items")
        paging.add_paging(parser, "items")
        options.add_project(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """Return the job's items."""
        query = paging.query_of(parsed_args)
        items, more_follow = self.client_of(parsed_args).items(parsed_args.job, **query)
        if more_follow and not parsed_args.limit:
            self.print_status("More items follow; --all shows them all")
        columns = {**_ITEM, **(_MORE if parsed_args.long else {})}
        return tuple(columns), _rows(items, tuple(columns.values()))


class SummarizeSync(JobShowOne):
    """Show a job's state, and how many images there are by outcome"""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        """Return the job."""
        return self.show_job(self.client_of(parsed_args), parsed_args.job, parsed_args)


class DeleteSync(SyncCommand):
    """Delete jobs that have ended; the images stay"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("jobs", metavar="<job>", nargs="+", help="Job(s) to delete (ID)")
        options.add_project(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete each job, and continue if one cannot be deleted."""
        client = self.client_of(parsed_args)
        refused = 0
        for job in parsed_args.jobs:
            try:
                client.delete(job)
            except exceptions.ClientException as error:
                refused += 1
                self.log.error("Failed to delete job %s: %s", job, error)
        if refused:
            raise exceptions.CommandError(
                f"{refused} of {len(parsed_args.jobs)} jobs failed to delete."
            )


def _rows(entries: Iterable[dict[str, Any]], fields: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(entry.get(field) for field in fields) for entry in entries]
