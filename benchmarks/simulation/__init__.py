"""Simulate many engines, projects and regions, with costs that were measured on one machine."""
