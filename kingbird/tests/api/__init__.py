"""The HTTP API: YAML files that are its documentation too, each run as tests."""
