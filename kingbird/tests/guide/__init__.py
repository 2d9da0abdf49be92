"""The commands that the documentation shows, and the tests that run them."""
