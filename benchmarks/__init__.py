"""Measures Kingbird against the least that could be done: ratios, taken in one run."""
