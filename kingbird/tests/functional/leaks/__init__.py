"""Looks for secrets where none may be: in logs, databases and answers of a whole run of tests.

:mod:`watch` collects while the tests run; the fixture ``leaks`` of the functional conftest looks
through all of it when the last deployment has ended, and fails the run if something is found.
"""
