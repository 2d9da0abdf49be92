"""Notifications: what other services are told about jobs."""
