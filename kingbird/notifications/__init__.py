"""Notifications about jobs for other services."""
