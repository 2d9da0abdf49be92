"""Clients of Kingbird's API, by its major version."""
