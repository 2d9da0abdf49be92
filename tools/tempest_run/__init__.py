"""Runs the real Tempest with Kingbird's plugin, on a cloud that exists for that run only."""
