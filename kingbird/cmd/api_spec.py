"""``kingbird-manage api-spec``: the OpenAPI document, without a service that runs."""

import argparse
import sys
from pathlib import Path
from typing import Any

from oslo_config import cfg

from kingbird.api import openapi
from kingbird.api.controllers.root import ROUTES
from kingbird.api.openapi import examples, text

_FORMATS = {"yaml": text.as_yaml, "json": text.as_json}


def write(conf: cfg.ConfigOpts) -> None:
    """Write the document as the command line asks for it; the bounds are the configuration's."""
    folder: Path | None = conf.command.examples
    shown = [] if folder is None else examples.read(folder)
    made = _FORMATS[conf.command.format](openapi.build(conf, ROUTES, shown))
    output: Path | None = conf.command.output
    if output is None:
        sys.stdout.write(made)
    else:
        output.write_text(made)


def add_command(subparsers: Any) -> None:
    """Add the command to those of a program."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "api-spec", help="Write the API's description, an OpenAPI 3.1 document."
    )
    parser.add_argument(
        "--format", choices=list(_FORMATS), default="yaml", help="Default: %(default)s."
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="Where to; default: the standard output."
    )
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="FOLDER",
        help="A folder of examples to show, such as api-ref/examples of the source tree.",
    )
    parser.set_defaults(function=write)
