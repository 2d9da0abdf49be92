"""No age is the difference of two hosts' clocks."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Modules that read a host's clock, how often, and why no other host's clock is compared with it.
WALL_CLOCK = {
    "clients/keystone.py": (1, "Keystone wants the time at which a trust expires"),
    "listener/health.py": (1, "people are shown when a region was heard last"),
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
