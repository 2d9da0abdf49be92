"""Tests of the API's parts; what a caller sees is described in ``kingbird/tests/api``."""
