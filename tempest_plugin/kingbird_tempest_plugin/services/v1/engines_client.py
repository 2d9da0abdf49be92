"""A client of ``/os-sync-engines``."""

import json
from typing import Any

from tempest.lib.common import rest_client


class EnginesClient(rest_client.RestClient):
    """A client of ``/os-sync-engines`` in the user's project."""

    def list_engines(self) -> Any:
        """Return ``{"engines": [...], "listeners": [...]}``, for admins."""
        resp, body = self.get(f"{self.project_id}/os-sync-engines")
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
