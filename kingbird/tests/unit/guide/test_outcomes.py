"""The page about outcomes: what is there is what there is."""

import itertools
import re

from kingbird.states import STATE_OF
from kingbird.tests.guide.pages import ROOT

PAGE = ROOT / "doc/source/admin/outcomes.rst"


def test_each_reason_is_documented_under_its_state():
    documented, state = {}, None
    lines = PAGE.read_text().splitlines()
    for line, under in itertools.pairwise(lines):
        if set(under) == {"="}:
            state = line
        elif term := re.fullmatch(r"``(\w+)``", line):
            assert under.startswith("   "), line
            documented[term[1]] = state
    assert documented == STATE_OF
