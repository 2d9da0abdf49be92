"""kingbird-manage: what an operator does to the database."""

from kingbird import concurrency

concurrency.setup()

import sys
from typing import Any

from oslo_config import cfg

from kingbird.conf import prepare_service
from kingbird.db import api as db


def _db_sync(conf: cfg.ConfigOpts) -> None:
    db.migration.sync(conf.command.revision)
    print(f"The database is at revision {db.migration.current()}")


def _db_version(conf: cfg.ConfigOpts) -> None:
    print(db.migration.current() or "The database is empty")


def _add_commands(subparsers: Any) -> None:
    areas = subparsers.add_parser("db", help="The database's schema.").add_subparsers(
        dest="action", required=True
    )
    sync = areas.add_parser("sync", help="Bring the schema up to date.")
    sync.add_argument("revision", nargs="?", default="head", help="A revision; default: newest.")
    sync.set_defaults(function=_db_sync)
    version = areas.add_parser("version", help="Show the schema's revision.")
    version.set_defaults(function=_db_version)


def main() -> None:
    """Run one command."""
    conf = cfg.CONF
    conf.register_cli_opt(cfg.SubCommandOpt("command", title="Commands", handler=_add_commands))
    prepare_service(sys.argv[1:], prog="kingbird-manage", conf=conf)
    db.configure(conf)
    conf.command.function(conf)


if __name__ == "__main__":
    main()
