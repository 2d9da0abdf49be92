"""The OpenAPI document, made of what the controllers say of their calls."""

from kingbird.api.spec.document import build
from kingbird.api.spec.routes import Route

__all__ = ["Route", "build"]
