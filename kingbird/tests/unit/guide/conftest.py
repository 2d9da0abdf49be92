"""Fixtures for tests of pages that follow a job."""

from kingbird.tests.unit.engine.conftest import scene

__all__ = ["scene"]
