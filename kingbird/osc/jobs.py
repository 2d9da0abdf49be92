"""The commands ``openstack image sync list``, ``show``, ``summary`` and ``delete``."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import format_columns

from kingbird.osc import options, paging
from kingbird.osc.arguments import flag, option, repeated
from kingbird.osc.base import JobShowOne, SyncCommand, SyncLister
from kingbird.osc.differences import DifferencesColumn
from kingbird.osc.output import Table
from kingbird.osc.titles import titled
from kingbird.states import ALL

#: The columns of jobs, and the fields of the API's response; --long has those of the details.
_JOB = {"ID": "id", "Status": "sync_status", **titled("created_at", "updated_at")}
_DETAIL = {
    "ID": "id",
    "Status": "sync_status",
    **titled("phase", "origin", "created_at", "ended_at", "dry_run", "of", "rule", "listed"),
    **titled("waits_for", "statuses", "outcomes"),
}
#: Fields that are objects.
_OBJECTS = frozenset({"listed", "statuses", "outcomes"})
_IN_PROGRESS = "IN_PROGRESS"
#: The columns of items, and the fields of the API's response; --long adds columns.
_ITEM = {
    "Image": "resource",
    "Name": "resource_name",
    "Source": "source_region",
    "Target": "target_region",
    "Status": "sync_status",
    **titled("action", "reason", "message"),
}
_MORE = {
    "ID": "id",
    "Target Image": "target_resource",
    **titled("attempts", "data", "bytes", "data_seconds", "import_task"),
    "Differences": "fields",
    **titled("created_at", "updated_at"),
}


class ListSync(SyncLister):
    """List jobs, the newest first"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        flag(parser, "--active", "List only jobs in progress")
        option(parser, "--rule", "<rule>", "List only jobs of this rule (name or ID)")
        flag(parser, "--long", "List counts, origin and phase of the jobs too")
        flag(parser, "--all-projects", "List the jobs of every project, in detail (admin only)")
        paging.add_paging(parser, "jobs")
        options.add_project(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the jobs.

        :raises osc_lib.exceptions.CommandError: options contradict each other.
        """
        query = paging.query_of(parsed_args)
        client = self.client_of(parsed_args)
        if parsed_args.rule is not None:
            query["rule"] = client.rule(parsed_args.rule)["id"]
        columns = _JOB
        if parsed_args.long or parsed_args.all_projects:
            columns = {
                **_DETAIL,
                **({"Project": "project_id"} if parsed_args.all_projects else {}),
            }
            jobs, more_follow = client.details(**_detail_query(parsed_args, query))
        else:
            jobs, more_follow = client.jobs(active=parsed_args.active, **query)
        if more_follow and not parsed_args.limit:
            self.print_status("More jobs follow; --all lists them all")
        return tuple(columns), _rows(jobs, tuple(columns.values()))


def _detail_query(parsed: argparse.Namespace, query: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the list of details.

    :raises osc_lib.exceptions.CommandError: options contradict each other.
    """
    if parsed.all_projects:
        options.check_scope(parsed)
        query["all_projects"] = "true"
    if parsed.active:
        if query["status"] is not None:
            raise exceptions.CommandError("Give either --active or --status")
        query["status"] = _IN_PROGRESS
    return query


class ShowSync(SyncLister):
    """Show the outcome of each image of a job in each region"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("job", metavar="<job>", help="Job (ID)")
        flag(parser, "--long", "Show all fields of the items")
        option(parser, "--image", "<image>", "Only items of this image (name or ID)")
        option(parser, "--region", "<region>", "Only items in this target region")
        repeated(
            parser, "--reason", "<reason>", "Only items with this reason (repeat for several)"
        )
        option(
            parser,
            "--changed-since",
            "<time>",
            "Only items planned or changed at this time or later, in ISO 8601; UTC without a zone",
        )
        paging.add_paging(parser, "items")
        options.add_project(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the job's items."""
        query = paging.query_of(parsed_args)
        query["target_region"] = parsed_args.region
        query["reason"] = ",".join(reason.lower() for reason in parsed_args.reason or []) or None
        query["changed_since"] = parsed_args.changed_since
        if parsed_args.image is not None:
            (query["resource"],) = self.images().ids([parsed_args.image], [ALL])
        items, more_follow = self.client_of(parsed_args).items(parsed_args.job, **query)
        if more_follow and not parsed_args.limit:
            self.print_status("More items follow; --all shows them all")
        columns = {**_ITEM, **(_MORE if parsed_args.long else {})}
        return tuple(columns), _rows(items, tuple(columns.values()))


class SummarizeSync(JobShowOne):
    """Show a job's state, and how many images there are by outcome"""

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the job."""
        return self.show_job(self.client_of(parsed_args), parsed_args.job, parsed_args)


class DeleteSync(SyncCommand):
    """Delete jobs that have ended; the images stay"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("jobs", metavar="<job>", nargs="+", help="Job(s) to delete (ID)")
        options.add_project(parser)

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
    return [tuple(_cell(field, entry.get(field)) for field in fields) for entry in entries]


def _cell(field: str, value: Any) -> Any:
    if field == "fields":
        return DifferencesColumn(value or {})
    if field == "waits_for":
        return format_columns.ListColumn(value or [])
    return format_columns.DictColumn(value or {}) if field in _OBJECTS else value
