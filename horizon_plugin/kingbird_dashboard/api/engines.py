"""The programs that do the work, for admins."""

from typing import Any

from kingbird_dashboard.api import client


def list_all(request: Any) -> dict[str, Any]:
    """Return ``engines`` and ``listeners``, with what they work on and whom they hear."""
    return client.call(request, "GET", "os-sync-engines").body
