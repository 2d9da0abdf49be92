"""The modules that are changed, and the unit tests that have to notice."""

from collections.abc import Iterator, Sequence
from pathlib import Path

TESTS = "kingbird/tests/unit"

#: The unit tests of each module, by the longest beginning of its path.  The tests of the module's
#: own name come first, then these in their order: the first failure ends a trial.
TESTS_OF: dict[str, Sequence[str]] = {
    "kingbird/sync": ["sync"],
    "kingbird/sync/retry.py": ["sync/test_retry.py", "sync/test_apply.py"],
    "kingbird/sync/request.py": ["sync", "api/schemas", "api/jobs/test_create.py"],
    "kingbird/clients": ["clients"],
    "kingbird/clients/catalog.py": ["clients/test_catalog.py", "api/test_catalogs.py"],
    # The calls that a rule documents are compared with the operations that name it.
    "kingbird/policies": ["policies", "api/openapi/test_document.py"],
    "kingbird/db": [
        "db/test_leases.py",
        "db/test_outcomes.py",
        "db/test_runs.py",
        "db/test_job_actions.py",
        "db/test_jobs.py",
        "db/test_plans.py",
        "db/test_transitions.py",
        "db/test_claims.py",
        "db/test_turns.py",
        "db/test_counts.py",
        "db/test_imports.py",
    ],
    "kingbird/db/unplanned.py": [
        "db/test_plans.py",
        "db/test_outcomes.py",
        "db/test_runs.py",
        "db/test_settling.py",
        "db/test_counts.py",
    ],
    "kingbird/db/item_rows.py": [
        "db/test_settling.py",
        "db/test_outcomes.py",
        "db/test_counts.py",
    ],
    "kingbird/db/settling.py": ["db/test_settling.py", "db/test_job_actions.py"],
    "kingbird/db/unsettled.py": [
        "db/test_unsettled.py",
        "db/test_settling.py",
        "api/test_views.py",
    ],
    "kingbird/db/clock.py": ["db/test_clock.py", "db/test_leases.py"],
    "kingbird/db/timeouts.py": ["db/test_timeouts.py", "db/test_connection.py"],
    "kingbird/engine": [
        "engine/test_leases.py",
        "engine/test_attempts.py",
        "engine/test_completion.py",
        "engine/test_runs.py",
        "engine/test_events.py",
    ],
}
#: The modules to change: the rules of a sync, leases and fences, clients, policies.
CHANGED = (
    "kingbird/sync/**/*.py",
    "kingbird/clients/*.py",
    "kingbird/policies/*.py",
    "kingbird/db/leases.py",
    "kingbird/db/candidates.py",
    "kingbird/db/retried_items.py",
    "kingbird/db/runs.py",
    "kingbird/db/outcomes.py",
    "kingbird/db/job_ends.py",
    "kingbird/db/unplanned.py",
    "kingbird/db/item_rows.py",
    "kingbird/db/settling.py",
    "kingbird/db/unsettled.py",
    "kingbird/db/timeouts.py",
    "kingbird/db/clock.py",
    "kingbird/db/counts.py",
    "kingbird/engine/leases.py",
    "kingbird/engine/completion.py",
)


def changed_files(root: Path, only: str | None = None) -> list[str]:
    """Return the files to change, relative to the tree.

    :param only: a pattern that they have to match.
    """
    patterns = CHANGED if only is None else (only,)
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(
        str(path.relative_to(root)) for path in found if path.read_text() and path.suffix == ".py"
    )


def tests_of(root: Path, path: str) -> list[str]:
    """Return the files of tests of a module, relative to the tree, in the order to run them."""
    beginning = max((one for one in TESTS_OF if path.startswith(one)), key=len)
    module = Path(path)
    mirrored = f"{TESTS}/{module.parent.relative_to('kingbird')}/test_{module.name}"
    room = list(_files(root, [f"{TESTS}/{name}" for name in TESTS_OF[beginning]]))
    own = [one for one in room if one.endswith(f"/test_{module.name}")]
    # Other rooms have tests of the same name.
    first = sorted(own, key=lambda one: one != mirrored)
    return list(dict.fromkeys([*first, *room]))


def _files(root: Path, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        place = root / name
        files = sorted(place.rglob("test_*.py")) if place.is_dir() else [place]
        yield from (str(file.relative_to(root)) for file in files)
