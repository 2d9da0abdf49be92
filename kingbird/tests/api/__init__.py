"""Tests of the HTTP API.  The YAML files describe requests and also serve as documentation."""

from kingbird import concurrency

# A unittest runner does not read conftest.py.
concurrency.setup()
