"""Test the regions that ``*`` stands for."""

import pytest

from kingbird.sync import wildcard_regions
from kingbird.sync.wildcard_regions import names_all_regions, resolve_regions

KNOWN = ["R1", "R2", "R3"]


@pytest.mark.parametrize(
    ("sources", "preferred", "targets", "expected"),
    [
        (["R1"], ["R1"], ["R2"], (["R1"], ["R2"])),
        # A region is no target of itself alone.
        (["R1"], ["R1"], ["*"], (["R1"], ["R2", "R3"])),
        (["R1", "R2"], ["R1", "R2"], ["*"], (["R1", "R2"], KNOWN)),
        (["*"], [], ["*"], (KNOWN, KNOWN)),
        # Those that the user prefers come first.
        (["*"], ["R3"], ["R1"], (["R3", "R1", "R2"], ["R1"])),
    ],
)
def test_regions_by_name(
    sources: list[str],
    preferred: list[str],
    targets: list[str],
    expected: tuple[list[str], list[str]],
) -> None:
    given = {"sources": sources, "preferred": preferred, "targets": targets}
    assert resolve_regions(given, KNOWN) == expected


@pytest.mark.parametrize(
    ("sources", "targets", "named"),
    [
        (["R1"], ["R2"], False),
        (["*"], ["R2"], True),
        (["R1"], ["*"], True),
        (["*"], ["*"], True),
    ],
)
def test_sets_that_name_all_regions(sources: list[str], targets: list[str], named: bool) -> None:
    assert names_all_regions({"sources": sources, "targets": targets}) is named


@pytest.mark.parametrize(
    ("sources", "targets", "nowhere"),
    [
        (["R1"], [], True),
        (["R1"], ["R1"], True),
        (["R1"], ["R2"], False),
        (["R1", "R2"], ["R1"], False),
    ],
)
def test_sets_that_have_no_target(sources, targets, nowhere):
    assert wildcard_regions.has_no_target(sources, targets) == nowhere
