"""kingbird-status upgrade check: checks before and after an upgrade."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from kingbird.cmd.checks import data_sources, listener, options, service_user, tables
from kingbird.conf import register_opts, set_library_defaults

#: The exit code if nothing could be checked.
BROKEN = 255


class Checks(upgradecheck.UpgradeCommands):
    """The checks of configuration, database and Keystone."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        database_checks = tables.DatabaseChecks(conf)
        self._upgrade_checks = (
            ("Configuration", lambda _: options.options(conf)),
            ("Events", lambda _: listener.regions(conf)),
            ("Policies", lambda commands: options.policies(commands, conf)),
            ("Database schema", lambda _: database_checks.schema()),
            ("Database and broker", lambda _: database_checks.sqlite_with_broker()),
            ("Engines", lambda _: database_checks.engines()),
            ("Jobs in progress", lambda _: database_checks.jobs()),
            ("Service user", lambda _: service_user.service_user(conf)),
            ("Data import", lambda _: data_sources.regions(conf)),
        )


def main() -> int:
    """Run the checks, and return the worst result as the exit code."""
    register_opts(cfg.CONF)
    set_library_defaults()
    try:
        code: int = upgradecheck.main(
            cfg.CONF, project="kingbird", upgrade_command=Checks(cfg.CONF), argv=sys.argv[1:]
        )
    except cfg.Error as error:
        print(error, file=sys.stderr)
        return BROKEN
    return code
