"""The contract of the real Glance, on the double and on the stand-in.

The functional tests run the same tests on the real one.
"""

from kingbird.tests.functional.test_glance_contract import TestAnswers, TestCreate, TestSight
from kingbird.tests.functional.test_glance_contract_import import TestImports
from kingbird.tests.functional.test_glance_contract_lists import (
    TestFilters,
    TestMarkers,
    TestPages,
    TestWalks,
)
from kingbird.tests.functional.test_glance_contract_members import TestMembers, image
from kingbird.tests.functional.test_glance_contract_update import TestStatus, TestUpdate

__all__ = [
    "TestAnswers",
    "TestCreate",
    "TestFilters",
    "TestImports",
    "TestMarkers",
    "TestMembers",
    "TestPages",
    "TestSight",
    "TestStatus",
    "TestUpdate",
    "TestWalks",
    "image",
]
