"""The command ``openstack image sync create``."""

import argparse
import json
import sys
from pathlib import Path

from osc_lib import exceptions

from kingbird.osc import options
from kingbird.osc.arguments import flag, option
from kingbird.osc.base import SyncShowOne
from kingbird.osc.output import JSON, Table
from kingbird.states import ResourceType


class CreateSync(SyncShowOne):
    """Make images exist in other regions"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        super()._add_options(parser)
        options.add_selection(parser, optional=True)
        options.add_resource_type(parser)
        options.add_sync_options(parser, targets_needed=True)
        options.add_orphan_limit(parser)
        flag(parser, "--dry-run", "Plan without writing in any region")
        option(
            parser,
            "--file",
            "<file>",
            "File with sets in the API's JSON, instead of images, regions and options; "
            '"-" for the standard input',
        )

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Create the job, and wait for it if the user wants that."""
        if parsed_args.file:
            if _has_selection(parsed_args):
                raise exceptions.CommandError(
                    "--file cannot be combined with images, regions and options"
                )
            resource_set = read(parsed_args.file)
        else:
            if not parsed_args.target:
                raise exceptions.CommandError(
                    '--target is required, with the name of a region or "*"'
                )
            resource_set = options.build_set(parsed_args, self.manager, self.images())
            for name in ("data", "on_orphan", "orphan_limit"):
                if getattr(parsed_args, name) is not None:
                    resource_set[name] = getattr(parsed_args, name)
            if parsed_args.dry_run:
                resource_set["dry_run"] = True
        return self.show_job(self.client, self.client.create(resource_set), parsed_args)


def _has_selection(parsed: argparse.Namespace) -> bool:
    """Return True if options are given that a file would contain."""
    own = ("images", "all", "source", "target", "on_drift", "dry_run", *options.ABOUT_IMAGES)
    return parsed.resource_type != ResourceType.IMAGE or any(
        getattr(parsed, name) not in (None, False, []) for name in own
    )


def read(name: str) -> JSON:
    """Return the sets in a file, in the form of the API's ``resource_set``.

    :param name: a file with one set, several sets under ``Sync``, or a whole request; ``-`` for
        the standard input.
    :raises osc_lib.exceptions.CommandError: the file cannot be read, or is not a JSON object.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise exceptions.CommandError(f"{name} can't be read as JSON: {error}") from None
    if isinstance(found, dict):
        found = found.get("resource_set", found)
    if not isinstance(found, dict):
        raise exceptions.CommandError(f"{name} holds no JSON object")
    return found
