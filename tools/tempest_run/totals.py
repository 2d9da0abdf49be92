"""Check Tempest's totals: a run without passed tests, or with skipped ones, may not succeed."""

from __future__ import annotations

import re

_TOTAL = re.compile(r"^ - (Passed|Skipped|Expected Fail|Unexpected Success|Failed): (\d+)$", re.M)


def complaints(output: str, may_skip: bool) -> list[str]:
    """Return the problems of a run as sentences; none if all tests passed.

    :param output: the output of ``tempest run``.
    :param may_skip: True if tests may be skipped.
    """
    totals = {name: int(count) for name, count in _TOTAL.findall(output)}
    if not totals.get("Passed"):
        return ["no test has passed"]
    bad = ["Failed", "Unexpected Success", *(() if may_skip else ("Skipped",))]
    return [f"{name}: {totals[name]}" for name in bad if totals.get(name)]
