"""The contract of the real Glance for metadata definitions, on the double.

The functional tests run the same tests on the real one.
"""

import pytest

from kingbird.tests.functional.contract_scenes import FakeScene
from kingbird.tests.functional.test_glance_contract_metadefs import TestMetadefs, full, glance

__all__ = ["TestMetadefs", "full", "glance"]


@pytest.fixture
def scene() -> FakeScene:
    return FakeScene()
