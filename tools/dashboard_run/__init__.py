"""Runs a real Horizon with Kingbird's plugin, beside a cloud and a Kingbird."""
