"""Kingbird in Horizon: what is where, jobs, and rules.

The package is a user of Kingbird's API and imports nothing of the service.
"""
