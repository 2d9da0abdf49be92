"""Notifications about jobs and rules for other services."""
