"""Faults thrown into jobs of real processes, one at a time.

Whatever is killed, cut or stalled in the middle of a job: the job ends, each record is there
exactly once with all its fields, and nothing is left behind.  ``pytest`` throws each fault once;
``python -m kingbird.tests.functional.chaos`` as often as one likes, with a seed for each round.
"""
