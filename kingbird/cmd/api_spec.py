"""``kingbird-manage api-spec``: write the OpenAPI document without a running service."""

import argparse
import sys
from pathlib import Path
from typing import Any

from oslo_config import cfg


def write(conf: cfg.ConfigOpts) -> None:
    """Write the document that the command line asks for, with the configured limits."""
    # The API takes most of the time of a start, and no other command needs it.
    from kingbird.api import openapi  # noqa: PLC0415
    from kingbird.api.controllers.root import ROUTES  # noqa: PLC0415
    from kingbird.api.openapi import examples, text  # noqa: PLC0415

    formats = {"yaml": text.as_yaml, "json": text.as_json}
    folder: Path | None = conf.command.examples
    recorded = [] if folder is None else examples.read(folder)
    document = formats[conf.command.format](openapi.build(conf, ROUTES, recorded))
    output: Path | None = conf.command.output
    if output is None:
        sys.stdout.write(document)
    else:
        output.write_text(document)


def add_command(subparsers: Any) -> None:
    """Add the command to a program's commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "api-spec", help="Write the API's description, an OpenAPI 3.1 document."
    )
    parser.add_argument(
        "--format", choices=["yaml", "json"], default="yaml", help="Default: %(default)s."
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="The file to write; default: the standard output.",
    )
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="FOLDER",
        help="A folder of examples to show, such as api-ref/examples of the source tree.",
    )
    parser.set_defaults(function=write)
