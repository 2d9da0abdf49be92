"""The OpenAPI document, generated from the controllers' operations."""

from kingbird.api.openapi.document import build
from kingbird.api.openapi.routes import Route

__all__ = ["Route", "build"]
