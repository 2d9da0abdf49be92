"""Version 1.0 of the API."""
