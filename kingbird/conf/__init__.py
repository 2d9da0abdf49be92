"""Configuration: one module for each option group, registered on a conf passed in."""

from kingbird.conf.registry import (
    list_opts,
    prepare_service,
    register_opts,
    set_library_defaults,
)

__all__ = ["list_opts", "prepare_service", "register_opts", "set_library_defaults"]
