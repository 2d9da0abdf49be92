"""What ``kingbird-status upgrade check`` looks at, by what is looked at.

A check that can't look, as another one has failed that it builds on, says so and succeeds: one
fault is reported once.
"""

from oslo_upgradecheck.upgradecheck import Code, Result

__all__ = ["failure", "success", "warning"]


def success(details: str | None = None) -> Result:
    """All is well."""
    return Result(Code.SUCCESS, details)


def warning(details: str) -> Result:
    """Somebody should look at this; the upgrade can go on."""
    return Result(Code.WARNING, details)


def failure(details: str) -> Result:
    """The upgrade can't go on before this is dealt with."""
    return Result(Code.FAILURE, details)
