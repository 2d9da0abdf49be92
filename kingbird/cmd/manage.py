"""kingbird-manage: commands for the database and the API's description."""

from kingbird import concurrency

concurrency.setup()

import argparse
import sys
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from kingbird import exception
from kingbird.cmd import api_spec, data_sources
from kingbird.conf import prepare_service
from kingbird.db import api as db

#: Seconds.
DAY = 86400


def _db_sync(conf: cfg.ConfigOpts) -> None:
    try:
        db.migration.sync(conf.command.revision)
    except exception.SchemaError as error:
        sys.exit(error.message)
    print(f"The database is at revision {db.migration.current()}")


def _db_version(conf: cfg.ConfigOpts) -> None:
    print(db.migration.current() or "The database is empty")


def _db_purge(conf: cfg.ConfigOpts) -> None:
    days, batch = conf.command.older_than, conf.command.batch
    deleted = 0
    # A batch may be smaller because a job is being retried, so only an empty one is the last.
    while count := db.maintenance.purge(days * DAY, batch):
        deleted += count
    print(f"Deleted {deleted} job(s) that ended more than {days} day(s) ago")


def _regions(conf: cfg.ConfigOpts) -> None:
    try:
        found = data_sources.look(conf)
    except (exception.KeystoneUnavailable, exception.ConfigurationError) as error:
        sys.exit(error.message)
    for one in found:
        fetches = {True: "yes", False: "no", None: "unknown"}[one.is_enabled]
        print(f"{one.region}")
        print(f"  fetches data:    {fetches}")
        print(f"  data are read at {one.url or 'no endpoint'} ({conf.glance.import_interface})")
        for problem in one.problems:
            print(f"  problem: {problem}")
        for hint in one.hints:
            print(f"  look at: {hint}")


def _at_least(minimum: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} is less than {minimum}")
        return value

    return number


def _add_commands(subparsers: Any) -> None:
    areas = subparsers.add_parser("db", help="The database.").add_subparsers(
        dest="action", required=True
    )
    sync = areas.add_parser("sync", help="Bring the schema up to date.")
    sync.add_argument("revision", nargs="?", default="head", help="A revision; default: newest.")
    sync.set_defaults(function=_db_sync)
    version = areas.add_parser("version", help="Show the schema's revision.")
    version.set_defaults(function=_db_version)
    purge = areas.add_parser("purge", help="Delete jobs that ended long ago, with their items.")
    purge.add_argument(
        "--older-than",
        type=_at_least(0),
        required=True,
        metavar="DAYS",
        help="Days since a job has ended.",
    )
    purge.add_argument(
        "--batch",
        type=_at_least(1),
        default=100,
        metavar="N",
        help="Jobs deleted in one transaction; default: %(default)s.",
    )
    purge.set_defaults(function=_db_purge)
    regions = subparsers.add_parser(
        "regions", help="Show whether the regions' Glances can fetch data from each other."
    )
    regions.set_defaults(function=_regions)
    api_spec.add_command(subparsers)


def main() -> None:
    """Run one command."""
    conf = cfg.CONF
    conf.register_cli_opt(cfg.SubCommandOpt("command", title="Commands", handler=_add_commands))
    prepare_service(sys.argv[1:], prog="kingbird-manage", conf=conf)
    db.configure(conf)
    conf.command.function(conf)
