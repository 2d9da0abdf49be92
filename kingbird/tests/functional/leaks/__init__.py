"""Searches for secrets in logs, databases and responses of a whole test run.

:mod:`watch` collects while the tests run.  The fixture ``leaks`` of the functional conftest
    searches everything after the last deployment has ended, and fails the run if it finds a
    secret.
"""
