"""The command ``openstack image sync state``, which shows what is not in order."""

import argparse
from collections.abc import Sequence
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import format_columns

from kingbird.osc import exit_codes, options, paging, state_cells
from kingbird.osc.arguments import flag, option, repeated
from kingbird.osc.base import SyncLister
from kingbird.osc.client import StatePage
from kingbird.osc.durations import duration
from kingbird.osc.footer import Footer
from kingbird.osc.output import JSON, Table
from kingbird.osc.titles import titled
from kingbird.states import ResourceType

#: The columns of regions, and the fields of the API's response.
_FIGURES = {
    "Images": "images",
    "In Order": "same",
    **titled("no_data", "missing", "drift", "conflict", "orphan", "away", "importing"),
    **titled("mostly", "oldest", "compared_at", "away_since"),
}


class ListState(Footer, SyncLister):
    """List the images that are not in order, as the last comparisons found them.

    Nothing is compared, so that the answer comes at once. A cell has a symbol and an age: "="
    where the image is in order, "o" where its data are missing, "+" where it is missing, "~" where
    it differs, "!" where its ID is another image's, "x" where its original is gone, ">" where data
    come, and "?" where the region was not reached. A blank cell is not known.
    """

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        pages = parser.add_mutually_exclusive_group()
        flag(pages, "--all", "All images (default: one page)")
        option(pages, "--limit", "<number>", "Maximum of images", type=int)
        flag(pages, "--summary", "List the figures of regions, and no images")
        option(
            parser, "--marker", "<id>", "Only images after this one (ID; the name of a namespace)"
        )
        options.add_resource_type(parser, "listed")
        parser.add_argument(
            "--sort",
            choices=("since", "name"),
            help="Sort by age, the oldest first, or by name (default: since)",
        )
        for name, noun in (("region", "not in order in this region"), ("state", "in this state")):
            repeated(
                parser,
                f"--{name}",
                f"<{name}>",
                f"Only images {noun} (repeat for several)",
                dest=f"{name}s",
                default=[],
            )
        option(parser, "--name", "<name>", "Only images of this name")
        option(
            parser,
            "--older-than",
            "<duration>",
            "Only images whose state has been the same for so long, such as 90, 30m or 2d",
            type=duration,
        )
        flag(parser, "--all-projects", "Images of every project (admin only)")
        options.add_owner(parser, "With --all-projects: only images of this project (name or ID)")
        flag(parser, "--long", "Add a column with the reasons")
        flag(
            parser,
            "--exit-code",
            f"Exit with {exit_codes.DIFFERENT} if an image is listed or counted as not in "
            f"order, and with {exit_codes.FAILURE} if a region was not compared",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the matrix, or the figures of the regions.

        :raises osc_lib.exceptions.CommandError: the options are invalid.
        """
        query = self._query(parsed_args)
        found = self.client.state(**query)
        images = list(found.images)
        while parsed_args.all and found.more_follow:
            found = self.client.state(**{**query, "marker": images[-1]["id"]})
            images += found.images
        if found.more_follow and not parsed_args.limit and not parsed_args.summary:
            self.print_status("More images follow; --all lists them all")
        if parsed_args.exit_code:
            self.exit_code = self._judge(found, images, parsed_args)
        regions = {
            name: figures
            for name, figures in sorted(found.regions.items())
            if not parsed_args.regions or name in parsed_args.regions
        }
        if parsed_args.summary:
            return ("Region", *_FIGURES), [
                (name, *(figures[field] for field in _FIGURES.values()))
                for name, figures in regions.items()
            ]
        self.footer = state_cells.footer(regions)
        return self._matrix(found.regions, images, parsed_args)

    def _query(self, parsed: argparse.Namespace) -> JSON:
        limit = paging.check_limit(parsed.limit) or paging.PAGE
        owner = options.owner_of(parsed, self.manager)
        is_image = parsed.resource_type == ResourceType.IMAGE
        if owner and is_image and not parsed.all_projects:
            raise exceptions.CommandError("--owner can be given only with --all-projects")
        return {
            "resource_type": None if is_image else parsed.resource_type,
            "limit": 1 if parsed.summary else limit,
            "marker": parsed.marker,
            "region": parsed.regions,
            "state": [state.lower() for state in parsed.states],
            "name": parsed.name,
            "owner": owner,
            "older_than": parsed.older_than,
            "sort": parsed.sort,
            "all_projects": "true" if parsed.all_projects else None,
        }

    @staticmethod
    def _judge(found: StatePage, images: Sequence[JSON], parsed: argparse.Namespace) -> int:
        """Return the exit code for what was found."""
        states = [state.lower() for state in parsed.states]
        if state_cells.unseen(found.regions, parsed.regions):
            return exit_codes.FAILURE
        if images or not state_cells.is_in_order(found.regions, parsed.regions, states):
            return exit_codes.DIFFERENT
        return exit_codes.OK

    @staticmethod
    def _matrix(regions: JSON, images: Sequence[JSON], parsed: argparse.Namespace) -> Table:
        names = sorted({*regions, *(name for image in images for name in image["cells"])})
        is_image = parsed.resource_type == ResourceType.IMAGE
        ids = ["ID"] if is_image else []
        owner = ["Project"] if parsed.all_projects or not is_image else []
        extra = ["Reasons"] if parsed.long else []
        rows: list[Sequence[Any]] = []
        for image in images:
            row: list[Any] = [image["id"]] if ids else []
            row += [image["name"], *([image["owner"]] if owner else [])]
            row += [state_cells.cell(image, name, regions.get(name)) for name in names]
            row.append(state_cells.AgeColumn(state_cells.oldest(image)))
            if extra:
                row.append(format_columns.DictColumn(state_cells.reasons(image)))
            rows.append(row)
        return [*ids, "Name", *owner, *names, "Since", *extra], rows
