"""Measure Kingbird against the minimum of work, as ratios taken in one run."""
