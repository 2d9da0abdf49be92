"""The API's version 1.0."""

from kingbird.api.controllers.v1.root import (
    DESCRIPTION,
    ROUTES,
    VERSION,
    V1Controller,
    version,
)

__all__ = ["DESCRIPTION", "ROUTES", "VERSION", "V1Controller", "version"]
