"""Inject faults into jobs of real processes, one at a time.

After each fault the job has to end, each record has to exist exactly once with all its fields, and
nothing may be left behind.  ``pytest`` injects each fault once.  ``python -m
kingbird.tests.functional.chaos`` injects it in any number of rounds, with a seed for each round.
"""
