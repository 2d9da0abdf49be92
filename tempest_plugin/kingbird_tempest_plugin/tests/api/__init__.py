"""Each call of the API, with good and bad requests, and each role."""
