"""Inject each fault once in the middle of a job.  ``make chaos`` injects it repeatedly."""

import os
import random

import pytest

from kingbird.tests.functional.chaos.faults import FAULTS
from kingbird.tests.functional.chaos.table import is_clean
from kingbird.tests.functional.chaos.trial import Trials

#: The seed of all random choices.  A failed run can be repeated with it.
SEED = int(os.environ.get("KINGBIRD_CHAOS_SEED") or random.randrange(10**6))

#: Faults alternate between the databases.
CASES = [
    (database, name)
    for database, first in (("MariaDB", 0), ("PostgreSQL", 1))
    for name in list(FAULTS)[first::2]
]
#: Faults for one process with SQLite, whose only engine is the process.  ``make chaos
#: DATABASE=SQLite`` injects the others too, which would take too long here.
EMBEDDED = ("all engines killed", "engine terminated", "Glance killed")


def throw(trials: Trials, name: str) -> None:
    result = trials.run(FAULTS[name], SEED)
    again = f"KINGBIRD_CHAOS_SEED={SEED} does the same again"
    assert is_clean([result]), f"{result}\n{again}"


# The scope of the parameters lets one Kingbird serve all faults of its database.
@pytest.mark.parametrize(("trials", "name"), CASES, indirect=["trials"], scope="session")
def test_a_fault(trials: Trials, name: str) -> None:
    throw(trials, name)


@pytest.mark.parametrize("trials", ["PostgreSQL/eventlet"], indirect=True)
def test_under_eventlet(trials: Trials) -> None:
    throw(trials, "engine killed")


@pytest.mark.parametrize("trials", ["SQLite"], indirect=True)
@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_default(trials: Trials, name: str) -> None:
    throw(trials, name)
