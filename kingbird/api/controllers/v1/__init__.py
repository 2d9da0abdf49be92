"""The API's version 1.0."""

from kingbird.api.controllers.v1.root import VERSION, V1Controller, version

__all__ = ["VERSION", "V1Controller", "version"]
