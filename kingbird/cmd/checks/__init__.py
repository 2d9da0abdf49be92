"""The checks of ``kingbird-status upgrade check``.

If one check fails, the checks that depend on it report that and succeed, so one fault is reported
once.
"""

from functools import partial

from oslo_upgradecheck.upgradecheck import Code, Result

success = partial(Result, Code.SUCCESS)
#: Make a result that should be looked at but does not block the upgrade.
warning = partial(Result, Code.WARNING)
#: Make a result that blocks the upgrade.
failure = partial(Result, Code.FAILURE)
