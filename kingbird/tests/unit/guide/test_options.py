"""The reference of options has what the sample configuration has."""

import re

from kingbird.tests.guide.pages import ROOT, SOURCE
from kingbird.tests.unit.test_samples import CHANGED_DEFAULTS

FOLDER = SOURCE / "configuration"


def shown(page: str) -> list[str]:
    """Return the namespaces whose options a page shows."""
    (block,) = re.findall(r"\.\. show-options::\n((?: .*\n|\n)+)", (FOLDER / page).read_text())
    return [word for word in block.split() if not word.startswith(":")]


def test_the_pages_have_the_samples_namespaces() -> None:
    text = (ROOT / "etc" / "kingbird-config-generator.conf").read_text()
    sampled = re.findall(r"(?m)^namespace = (.+)$", text)
    pages = [*shown("options.rst"), *shown("libraries.rst")]
    assert sorted(pages) == sorted(sampled)


def test_the_defaults_that_kingbird_changes_are_documented() -> None:
    before = (FOLDER / "libraries.rst").read_text().split(".. show-options::")[0]
    names = {name for changed in CHANGED_DEFAULTS.values() for name in changed}
    assert {name for name in names if name not in before} == set()
