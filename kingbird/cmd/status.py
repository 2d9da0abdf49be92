"""kingbird-status upgrade check: what an operator runs before and after an upgrade."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.conf import register_opts, set_library_defaults
from kingbird.db import api as db


class Checks(upgradecheck.UpgradeCommands):
    """Checks that look at the real database and the real Keystone."""

    def _check_database(self) -> upgradecheck.Result:
        db.configure(cfg.CONF)
        try:
            current, head = db.migration.current(), db.migration.head()
        except Exception as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f"The database can't be reached: {type(error).__name__}",
            )
        if current != head:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f"The schema is at {current or 'nothing'}, this release needs {head}: run "
                "kingbird-manage db sync",
            )
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    def _check_service_user(self) -> upgradecheck.Result:
        keystone = Keystone(cfg.CONF)
        try:
            trusts = keystone.trusts_to_me()
        except exception.KingbirdError as error:
            return upgradecheck.Result(
                upgradecheck.Code.WARNING,
                f"The service user of [keystone_authtoken] can't be used: {error.message}",
            )
        except cfg.Error as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE, f"[keystone_authtoken] can't be used: {error}"
            )
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS, f"{len(trusts)} trusts at the moment"
        )

    _upgrade_checks = (
        ("Database schema", _check_database),
        ("Service user", _check_service_user),
    )


def main() -> int:
    """Run the checks; the exit code is the worst of them."""
    register_opts(cfg.CONF)
    set_library_defaults()
    code: int = upgradecheck.main(cfg.CONF, project="kingbird", upgrade_command=Checks())
    return code


if __name__ == "__main__":
    sys.exit(main())
