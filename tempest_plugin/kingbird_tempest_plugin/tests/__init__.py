"""Tests that Tempest loads."""
