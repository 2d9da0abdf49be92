"""Test that the installation guide shows the checks and the revision of this release."""

import re

from kingbird.cmd.status import Checks
from kingbird.db import migration
from kingbird.tests.guide.pages import SOURCE

PAGE = (SOURCE / "install" / "service.rst").read_text()


def test_the_newest_revision_is_shown():
    shown = re.findall(r"(?:at revision|At) (\d[\w.]*)", PAGE)
    assert shown == [migration.head()] * 2


def test_each_upgrade_check_is_shown(conf):
    shown = re.findall(r"\| Check: (.*?) +\|", PAGE)
    assert shown == [name for name, _ in Checks(conf)._upgrade_checks]
