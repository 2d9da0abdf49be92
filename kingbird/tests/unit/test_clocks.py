"""No age is the difference of two hosts' clocks."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Modules that read a host's clock, how often, and why no other host's clock is compared with it.
WALL_CLOCK = {
    "api/controllers/v1/sync_state.py": (1, "people are shown when the regions were asked"),
    "clients/keystone.py": (2, "Keystone tells the times at which trusts and tokens expire"),
    "engine/circuit_breaker.py": (1, "people are shown since when a region is away"),
    "listener/health.py": (1, "people are shown when a region was heard last"),
    "sync/orphans.py": (1, "people are shown when an orphan was hidden; its row has the grace"),
    "osc/durations.py": (1, "people are shown ages of minutes and more; programs get the times"),
    "listener/polling.py": (1, "a full run at the start finds what a wrong clock leaves out"),
}
#: Functions that return the time of the day, with the modules or classes that have them.
READS = {
    "time": {"time", "time_ns", "gmtime", "localtime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "timeutils": {"utcnow", "utcnow_ts", "now"},
}


def count(path: Path) -> int:
    """Return how often a module reads the host's clock."""
    return sum(
        one.attr in READS.get(getattr(one.value, "id", getattr(one.value, "attr", "")), ())
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.Attribute)
    )


def test_only_the_database_tells_the_time_of_the_day() -> None:
    modules = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*.py")}
    found = {name: count(path) for name, path in modules.items() if not name.startswith("tests/")}
    assert len(found) > 100
    assert {name: number for name, number in found.items() if number} == {
        name: number for name, (number, _) in WALL_CLOCK.items()
    }
