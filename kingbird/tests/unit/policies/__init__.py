"""Tests of the RBAC rules."""
