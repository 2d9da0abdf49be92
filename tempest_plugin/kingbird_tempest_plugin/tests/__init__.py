"""Where Tempest looks for tests."""
