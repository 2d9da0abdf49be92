"""Views: the JSON of responses, one module a noun."""
