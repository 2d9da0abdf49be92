"""Check the database: its schema, engines and jobs, and that it suits the broker."""

import sqlalchemy as sa
from oslo_config import cfg
from oslo_messaging import opts as messaging_opts
from oslo_upgradecheck.upgradecheck import Result
from oslo_utils import versionutils

from kingbird import version
from kingbird.cmd.checks import failure, success, warning
from kingbird.conf import upgrade_levels
from kingbird.db import api as db
from kingbird.rpc import transport, version_cap

SYNC = "run kingbird-manage db sync"
NOT_LOOKED_AT = "Not looked at, as there are no tables that can be read"


class DatabaseChecks:
    """The checks of one database.  The others read tables only if the schema check succeeds.

    :param conf: a configuration that is parsed before the first check.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._readable = False

    def schema(self) -> Result:
        """Check that the tables are those of this release."""
        try:
            host = sa.make_url(self._conf.database.connection).host
            db.configure(self._conf)
        except (sa.exc.SQLAlchemyError, AttributeError, ValueError) as error:
            # The error's text may contain the URL with its password.
            return failure(f"[database] connection can't be read: {type(error).__name__}")
        try:
            current, head = db.migration.current(), db.migration.head()
        except Exception as error:
            where = f" at {host}" if host else ""
            return failure(f"The database{where} can't be reached: {type(error).__name__}")
        self._readable = current is not None
        if not db.migration.is_known(current):
            return failure(
                f"The schema is at {current}, which a newer release has made; this one knows "
                f"{head} and can't work with it"
            )
        if current != head:
            return failure(
                f"The schema is at {current or 'nothing'}, this release needs {head}: {SYNC}"
            )
        return success(f"At {head}")

    def engines(self) -> Result:
        """Check for live engines of other releases."""
        if not self._readable:
            return success(NOT_LOOKED_AT)
        alive = db.stats.engines_alive(db.engines.heartbeat_timeout(self._conf))
        own = version.version_string()
        others = [f"{host} ({release})" for host, release in alive if release != own]
        if others:
            return warning(
                f"{len(others)} of {len(alive)} engines that are alive are not of this release, "
                f"{own}: {', '.join(others)}. Restart them with it to end the upgrade"
            )
        pinned = self._conf.upgrade_levels.engine
        as_tuple = versionutils.convert_version_to_tuple
        if pinned != upgrade_levels.AUTO and as_tuple(pinned) < as_tuple(version_cap.VERSION):
            return warning(
                f"[upgrade_levels] engine holds messages at {pinned}, and no engine of another "
                f"release is alive: set it to {upgrade_levels.AUTO}"
            )
        return success(f"{len(alive)} alive, all of this release" if alive else "None is alive")

    def jobs(self) -> Result:
        """Check for jobs in progress that a restart would fail, or that can no longer succeed."""
        if not self._readable:
            return success(NOT_LOOKED_AT)
        problems = []
        if count := db.stats.jobs_with_token():
            problems.append(
                f"{count} job(s) in progress run with their user's own token and fail when "
                "their engine stops: let them end first"
            )
        if count := db.stats.jobs_with_expired_trust(self._conf.sync.trust_lifetime):
            problems.append(
                f"{count} job(s) in progress are older than [sync] trust_lifetime: their "
                "trusts have expired, so they will fail; their users can retry them"
            )
        return warning(". ".join(problems)) if problems else success()

    def sqlite_with_broker(self) -> Result:
        """Check that processes on several hosts do not use a SQLite file."""
        self._conf.register_opts(dict(messaging_opts.list_opts())[None])
        url = self._conf.transport_url
        where = self._conf.get_location("transport_url")
        is_configured = where is not None and where.location is not cfg.Locations.opt_default
        is_configured = is_configured and not url.startswith(transport.IN_PROCESS)
        if is_configured and self._conf.database.connection.startswith("sqlite"):
            return warning(
                "transport_url names a message broker, but [database] connection is a SQLite "
                "file, which APIs and engines on other hosts can't share. Take MariaDB, MySQL "
                "or PostgreSQL, or kingbird-standalone, which needs no broker"
            )
        return success()
