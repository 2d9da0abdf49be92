"""Fixtures of tracing."""

from kingbird.tests.unit.tracing.conftest import restored, traced

__all__ = ["restored", "traced"]
