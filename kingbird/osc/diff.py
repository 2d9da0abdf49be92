"""The command ``openstack image sync diff``, which shows a dry run as a matrix."""

import argparse
from collections.abc import Callable, Iterable, Sequence

from keystoneauth1 import exceptions as ksa_exceptions
from osc_lib import exceptions
from osc_lib.cli import format_columns

from kingbird.osc import exit_codes, matrix, options
from kingbird.osc.arguments import flag
from kingbird.osc.base import SyncLister, add_waiting
from kingbird.osc.footer import Footer
from kingbird.osc.images import ImageCatalog, ImageSummary
from kingbird.osc.output import JSON, Table
from kingbird.states import ALL, ResourceType


class DiffSync(Footer, SyncLister):
    """Compare regions without changing them.

    A cell is "=" where the image exists and is in sync, "o" where only its data are missing, "+"
    where it would be created, "~" where the copy differs, and "!" where there is a problem. A
    blank cell is not known. All regions are compared unless --source and --target name some.
    Images that are in sync in all regions are only counted.
    """

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_selection(parser)
        options.add_resource_type(parser, "compared")
        options.add_regions(parser, targets_needed=False)
        options.add_conflict_options(parser)
        add_waiting(parser, always=True)
        flag(parser, "--keep", "Keep the job of the comparison, and print its ID")
        flag(parser, "--long", "Add a column with the reasons")
        flag(parser, "--exit-code", f"Exit with {exit_codes.DIFFERENT} if anything is not in sync")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Create the job, wait for its end, and return the matrix."""
        images = self.images()
        sync_set = options.build_set(parsed_args, self.manager, images)
        job_id = self.client.create({**sync_set, "dry_run": True})
        try:
            job = self.wait(self.client, job_id, parsed_args.timeout)
        except BaseException:
            self._cancel_job(job_id)
            raise
        self.exit_code = exit_codes.for_status(job["sync_status"])
        if self.exit_code == exit_codes.TIMEOUT:
            self._cancel_job(job_id)
            raise DiffTimeout(f"Job {job_id} had not ended after {parsed_args.timeout:g} seconds")
        try:
            items, _ = self.client.items(job_id)
        finally:
            if parsed_args.keep:
                self.print_status(f"Job {job_id} is kept")
            else:
                self._end_job(job_id, self.client.delete, "deleted")
        return self._matrix(sync_set, job, items, images, parsed_args)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command and return its exit code."""
        try:
            return super().run(parsed_args)
        except DiffTimeout as error:
            self.log.error("%s", error)
            return exit_codes.TIMEOUT

    def _matrix(
        self,
        sync_set: JSON,
        job: JSON,
        items: Sequence[JSON],
        images: ImageCatalog,
        parsed: argparse.Namespace,
    ) -> Table:
        sources = (
            [sync_set["source"]] if isinstance(sync_set["source"], str) else sync_set["source"]
        )
        all_regions = images.regions() if ALL in (*sources, *sync_set["target"]) else []
        targets = all_regions if sync_set["target"] == [ALL] else sync_set["target"]
        # A region without an image in sync was not compared, or all its images have items.  The
        # API may leave a region of the catalog out.
        counts = job.get("regions") or {}
        in_sync = {
            name
            for name, each in counts.items()
            if each["outcomes"].keys() & {"in_sync", "no_data"}
        }
        is_image = parsed.resource_type == ResourceType.IMAGE
        is_anybodys = parsed.all_projects or not is_image
        selection = matrix.Selection(
            targets=in_sync.intersection(targets),
            wildcard=sync_set["resources"] == [ALL],
            owner=None if is_anybodys else self.manager.auth_ref.project_id,
            filtered="filters" in sync_set,
        )
        in_items = {item["target_region"] for item in items} | {*counts}
        listed = {*(all_regions if ALL in sources else sources), *targets}
        regions = sorted((listed | in_items) - {ALL})
        homes: dict[str, set[str]] = {}
        for item in items:
            if ALL not in (item["resource"], item["source_region"]):
                homes.setdefault(item["source_region"], set()).add(item["resource"])
        summaries = images.describe(homes) if is_image else _named(homes.values())
        rows = matrix.rows(items, regions, selection, summaries)
        self.footer = matrix.summary(rows, items, job)
        if parsed.exit_code and self.exit_code == exit_codes.OK and matrix.differs(rows):
            self.exit_code = exit_codes.DIFFERENT
        extra_columns = ["Reasons"] if parsed.long else []
        ids = ["ID"] if is_image else []
        return [*ids, "Name", *regions, *extra_columns], [
            [*([row.id] if ids else []), row.name, *row.cells]
            + ([format_columns.DictColumn(row.reasons)] if parsed.long else [])
            for row in rows
        ]

    def _end_job(self, job_id: str, call: Callable[[str], None], done: str) -> bool:
        """Delete or cancel a job that is no longer wanted, and return True if that worked."""
        try:
            call(job_id)
        except (exceptions.ClientException, ksa_exceptions.ClientException) as error:
            self.log.warning("Job %s of the comparison can't be %s: %s", job_id, done, error)
            return False
        return True

    def _cancel_job(self, job_id: str) -> None:
        if self._end_job(job_id, self.client.cancel, "cancelled"):
            self.log.warning("Job %s of the comparison was cancelled and not deleted", job_id)


def _named(homes: Iterable[set[str]]) -> dict[str, ImageSummary]:
    """Return what a matrix has to know of namespaces, which have names in place of ids."""
    return {name: ImageSummary(name, name, "", "active") for names in homes for name in names}


class DiffTimeout(exceptions.CommandError):
    """A comparison did not end in time."""
