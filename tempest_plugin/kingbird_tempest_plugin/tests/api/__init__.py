"""Tests of each call of the API, with valid and invalid requests, and of each role."""
