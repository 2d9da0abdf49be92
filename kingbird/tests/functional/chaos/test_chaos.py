"""Each fault once, in the middle of a job.  ``make chaos`` throws them as often as one likes."""

import os
import random

import pytest

from kingbird.tests.functional.chaos.faults import FAULTS
from kingbird.tests.functional.chaos.table import is_clean
from kingbird.tests.functional.chaos.trial import Trials

#: What all that is left to chance comes from; what failed can be run again with it.
SEED = int(os.environ.get("KINGBIRD_CHAOS_SEED") or random.randrange(10**6))

#: Faults go to one database and the other in turn.
CASES = [
    (database, name)
    for database, first in (("MariaDB", 0), ("PostgreSQL", 1))
    for name in list(FAULTS)[first::2]
]
#: What is thrown here into a Kingbird that is one process with SQLite, whose engine is all of
#: them; ``make chaos DATABASE=SQLite`` throws the rest too, which would take too long here.
EMBEDDED = ("all engines killed", "engine terminated", "Glance killed")


def throw(trials: Trials, name: str) -> None:
    result = trials.run(FAULTS[name], SEED)
    again = f"KINGBIRD_CHAOS_SEED={SEED} does the same again"
    assert is_clean([result]), f"{result}\n{again}"


# One Kingbird serves all faults of its database: the parameters' scope says so.
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
