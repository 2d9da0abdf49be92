"""Kingbird at work on a real Keystone and real Glances: to watch, and to play with."""
