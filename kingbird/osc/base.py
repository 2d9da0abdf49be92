"""Base classes of the commands: client, waiting and exit codes."""

import argparse
import logging
import sys
from typing import Any

from osc_lib.cli import format_columns
from osc_lib.command import command

from kingbird import log_filters
from kingbird.osc import exit_codes, options
from kingbird.osc.arguments import flag, option
from kingbird.osc.client import SyncClient
from kingbird.osc.images import ImageCatalog
from kingbird.osc.output import JSON, EscapedOutput, Table
from kingbird.osc.progress import Progress, would_import
from kingbird.osc.titles import titled
from kingbird.osc.wait import wait_for_end
from kingbird.text import escape

#: The columns of a job, and the fields of the API's response.
_JOB = {
    "ID": "id",
    "Status": "sync_status",
    **titled("created_at", "updated_at", "dry_run", "of", "all_projects", "cancelled", "runs"),
}
_COUNTS = titled("statuses", "outcomes", "data")


class SyncCommand(command.Command):
    """Base of the plugin's commands."""

    exit_code = exit_codes.OK

    @property
    def client(self) -> SyncClient:
        """Return the client of the API."""
        return self.manager.image_sync

    @property
    def manager(self) -> Any:
        """Return the client manager of python-openstackclient."""
        return self.app.client_manager

    def images(self) -> ImageCatalog:
        """Return the images of all regions."""
        return ImageCatalog(self.manager, self.log.warning)

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's options."""
        parser = super().get_parser(prog_name)
        exit_codes.set_usage_error(parser)
        self._add_options(parser)
        return parser

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that a command has beside those of cliff."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command and return its exit code."""
        # Messages of errors and warnings repeat text of strangers, and have several lines.
        log_filters.install_formatter(logging.getLogger().handlers, kept="\t\n")
        return super().run(parsed_args) or self.exit_code

    def print_status(self, text: str) -> None:
        """Print a message to standard error, unless output is quiet."""
        if self.app.options.verbose_level:
            print(escape(text, kept="\n"), file=sys.stderr, flush=True)

    def client_of(self, parsed_args: argparse.Namespace) -> SyncClient:
        """Return the client of the jobs of the project that ``--project`` names.

        :raises osc_lib.exceptions.CommandError: no project or several ones have that name.
        """
        return self.client.of_project(options.resolve_project(parsed_args, self.manager))

    def wait(self, client: SyncClient, job_id: str, timeout: float | None) -> JSON:
        """Wait for a job's end, with a progress bar on a terminal.

        :param timeout: seconds.
        :returns: the job.  It is still in progress if the time was over first.
        """
        try:
            with Progress(self.app.options.verbose_level > 0) as progress:
                return wait_for_end(client, job_id, progress.show, timeout)
        except KeyboardInterrupt:
            self.print_status(f"No longer waiting for job {job_id}")
            raise


class SyncLister(EscapedOutput, SyncCommand, command.Lister):
    """Base of commands that list something."""


class SyncShowOne(EscapedOutput, SyncCommand, command.ShowOne):
    """Base of commands that show a job and may wait for its end."""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        add_waiting(parser)

    def show_job(self, client: SyncClient, job_id: str, parsed_args: argparse.Namespace) -> Table:
        """Return a job in cliff's form, after its end if the user wants to wait.

        After waiting, the exit code tells how the job ended.
        """
        if parsed_args.wait:
            job = self.wait(client, job_id, parsed_args.timeout)
            self.exit_code = exit_codes.for_status(job["sync_status"])
            if self.exit_code == exit_codes.TIMEOUT:
                self.print_status(
                    f"Job {job_id} had not ended after {parsed_args.timeout:g} seconds"
                )
            for line in would_import(job):
                self.print_status(line)
        else:
            job = client.job(job_id)
        return columns_of(job)


class JobShowOne(SyncShowOne):
    """Base of commands that take one job and show it."""

    #: True if admins may choose a job of another project.
    takes_project = True

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        super()._add_options(parser)
        parser.add_argument("job", metavar="<job>", help="Job (ID)")
        if self.takes_project:
            options.add_project(parser)


def add_waiting(parser: argparse.ArgumentParser, *, always: bool = False) -> None:
    """Add the options of waiting.

    :param always: True if the command always waits.
    """
    if not always:
        flag(parser, "--wait", "Wait for the job's end; the exit status tells how it ended")
    option(
        parser, "--timeout", "<seconds>", "Maximum time to wait (default: no limit)", type=_seconds
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return seconds


def columns_of(job: JSON) -> Table:
    """Return a job's columns and their values."""
    values: list[Any] = [job.get(field) for field in _JOB.values()]
    values += [format_columns.DictColumn(job.get(field) or {}) for field in _COUNTS.values()]
    values.append(format_columns.ListColumn(job.get("waits_for") or []))
    return (*_JOB, *_COUNTS, "Waits For"), values
