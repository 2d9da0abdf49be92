"""What Tempest's totals say: a run in which nothing ran, or not everything, is no success."""

from __future__ import annotations

import re

_TOTAL = re.compile(r"^ - (Passed|Skipped|Expected Fail|Unexpected Success|Failed): (\d+)$", re.M)


def complaints(output: str, may_skip: bool) -> list[str]:
    """Return what is wrong with a run, in sentences; nothing if all tests passed.

    :param output: what ``tempest run`` printed.
    :param may_skip: whether tests may be skipped.
    """
    totals = {name: int(count) for name, count in _TOTAL.findall(output)}
    if not totals.get("Passed"):
        return ["no test has passed"]
    bad = ["Failed", "Unexpected Success", *(() if may_skip else ("Skipped",))]
    return [f"{name}: {totals[name]}" for name in bad if totals.get(name)]
