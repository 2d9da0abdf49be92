"""Fuzzing: requests generated from the OpenAPI document and sent to a running service.

schemathesis runs in its own process, which loads :mod:`hooks`.  :mod:`verdict` judges the calls
and their effects afterwards.  ``make fuzz`` runs it for a long time.
"""
