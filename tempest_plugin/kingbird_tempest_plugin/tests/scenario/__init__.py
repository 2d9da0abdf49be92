"""Scenario tests of Kingbird's main uses."""
