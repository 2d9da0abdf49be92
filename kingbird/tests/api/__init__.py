"""The HTTP API: YAML files that are its documentation too, each run as tests."""

from kingbird import concurrency

# Runners of unittest read no conftest.py.
concurrency.setup()
