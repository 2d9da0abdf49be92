"""The state of images: which are not in order, and where."""

from typing import Any

from kingbird_dashboard.api import client

#: The most images that a call is asked for.
PAGE = 1000


def list_images(request: Any, **query: Any) -> dict[str, Any]:
    """Return the figures of the regions, and a page of images that are not in order.

    :param query: ``region``, ``state``, ``name``, ``older_than``, ``sort``, ``limit``,
        ``marker`` and ``all_projects``.
    """
    return client.call(request, "GET", "os-sync-state", query=query).body


def show_image(request: Any, image_id: str) -> dict[str, Any]:
    """Return an image as each region holds it now."""
    return client.call(request, "GET", f"os-sync-state/{image_id}").body["image"]


def has_more(answer: dict[str, Any]) -> bool:
    """Return whether a page of a list is followed by another one."""
    return any(link.get("rel") == "next" for link in answer.get("links", ()))
