"""Tempest tests of Kingbird."""
