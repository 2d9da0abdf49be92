"""kingbird-status upgrade check: what an operator runs before and after an upgrade."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from kingbird.cmd.checks import options, service_user, tables
from kingbird.conf import register_opts, set_library_defaults

#: The exit code that says that nothing could be checked.
BROKEN = 255


class Checks(upgradecheck.UpgradeCommands):
    """Checks that look at the real configuration, the real database and the real Keystone."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        checked = tables.DatabaseChecks(conf)
        self._upgrade_checks = (
            ("Configuration", lambda _: options.options(conf)),
            ("Policies", lambda commands: options.policies(commands, conf)),
            ("Database schema", lambda _: checked.schema()),
            ("Database and broker", lambda _: checked.sqlite_with_broker()),
            ("Engines", lambda _: checked.engines()),
            ("Jobs in progress", lambda _: checked.jobs()),
            ("Service user", lambda _: service_user.service_user(conf)),
        )


def main() -> int:
    """Run the checks; the exit code is the worst of them."""
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


if __name__ == "__main__":
    sys.exit(main())
