"""The OpenAPI document, made of what the controllers say of their calls."""

from kingbird.api.openapi.document import build
from kingbird.api.openapi.routes import Route

__all__ = ["Route", "build"]
