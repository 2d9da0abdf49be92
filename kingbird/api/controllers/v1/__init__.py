"""Version 1.0 of the API."""

from kingbird.api.controllers.v1.root import (
    DESCRIPTION,
    ROUTES,
    V1Controller,
    version,
)
from kingbird.api.schemas.versions import VERSION

__all__ = ["DESCRIPTION", "ROUTES", "VERSION", "V1Controller", "version"]
