"""A fast stand-in for the Glances of many regions, to measure against: see README.rst."""

from standin.client import Standin, StandinError

__all__ = ["Standin", "StandinError"]
