"""The commands that the documentation shows: what runs each of them, or why nothing does."""
