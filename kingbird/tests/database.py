"""Databases for tests: one file is migrated in each process, and every test gets a copy."""

from pathlib import Path

from oslo_config import cfg

from kingbird.db import api as db

#: The content of a file with all tables; a migration takes a thousand times as long as a copy.
_migrated = b""


def connect(conf: cfg.ConfigOpts, path: Path) -> None:
    """Connect the process to a new SQLite file that has all tables and no rows."""
    global _migrated  # noqa: PLW0603  the first database of the process fills it
    conf.set_override("connection", f"sqlite:///{path}", group="database")
    if not _migrated:
        db.configure(conf)
        db.migration.sync()
        # Closing the last connection brings what the log beside the file holds into the file.
        db.dispose()
        _migrated = path.read_bytes()
    path.write_bytes(_migrated)
    db.configure(conf)
