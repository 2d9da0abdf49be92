"""The checks of ``kingbird-status upgrade check``.

If one check fails, the checks that depend on it report that and succeed, so one fault is reported
once.
"""

from oslo_upgradecheck.upgradecheck import Code, Result

__all__ = ["failure", "success", "warning"]


def success(details: str | None = None) -> Result:
    """Return a result without problems."""
    return Result(Code.SUCCESS, details)


def warning(details: str) -> Result:
    """Return a result that should be looked at but does not block the upgrade."""
    return Result(Code.WARNING, details)


def failure(details: str) -> Result:
    """Return a result that blocks the upgrade."""
    return Result(Code.FAILURE, details)
