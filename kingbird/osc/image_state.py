"""The command ``openstack image sync image show``, which looks at one image in all regions."""

import argparse
from typing import Any

from osc_lib.cli import format_columns

from kingbird.osc import exit_codes
from kingbird.osc.arguments import flag
from kingbird.osc.base import SyncLister
from kingbird.osc.differences import DifferencesColumn
from kingbird.osc.footer import Footer
from kingbird.osc.output import Table
from kingbird.osc.state_cells import SYMBOLS, AgeColumn
from kingbird.osc.titles import titled
from kingbird.states import ALL

#: A region that is in order, and one that could not be asked.
_SAME, _UNKNOWN = "same", "unknown"
#: The columns, and the fields of the API's response; --long adds columns.
_COLUMNS = {
    **titled("state", "image_status", "size"),
    "Data": "hash",
    "Differences": "fields",
    **titled("since", "message"),
}
_MORE = titled("id", "reason", "job", "provenance")


class ShowImage(Footer, SyncLister):
    """Show an image as each region holds it now.

    All regions are asked. "unknown" is a region that does not answer within some seconds. Of
    fields that differ the first value is the one of the source region.
    """

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("image", metavar="<image>", help="Image (name or ID)")
        flag(parser, "--long", "Show IDs, reasons, jobs and provenance too")
        flag(
            parser,
            "--exit-code",
            f"Exit with {exit_codes.DIFFERENT} if the image is not in order in a region, and "
            f"with {exit_codes.FAILURE} if a region was not reached",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return a row for each region.

        :raises osc_lib.exceptions.CommandError: no image or several ones have the name.
        """
        (image_id,) = self.images().ids([parsed_args.image], [ALL])
        image = self.client.image_state(image_id)
        states = {cell["state"] for cell in image["cells"].values()}
        if parsed_args.exit_code and states - {_SAME}:
            is_unknown = _UNKNOWN in states
            self.exit_code = exit_codes.FAILURE if is_unknown else exit_codes.DIFFERENT
        self.footer = [
            f"{image['name'] or image['id']} of project {image['owner']}, compared with "
            f"{image['source_region']} at {image['compared_at']}"
        ]
        columns = {**_COLUMNS, **(_MORE if parsed_args.long else {})}
        return ("Sign", "Region", *columns), [
            (
                SYMBOLS.get(cell["state"], ""),
                region,
                *(_formatted(field, cell[field]) for field in columns.values()),
            )
            for region, cell in sorted(image["cells"].items())
        ]


def _formatted(field: str, value: Any) -> Any:
    if field == "fields":
        return DifferencesColumn(value)
    if field == "provenance":
        return format_columns.DictColumn(value or {})
    return AgeColumn(value) if field == "since" else value
