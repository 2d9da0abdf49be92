"""The engines, as ``/os-sync-engines`` lists them."""

import json
from typing import Any

from tempest.lib.common import rest_client


class EnginesClient(rest_client.RestClient):
    """Calls ``/os-sync-engines`` in the user's project."""

    def list_engines(self) -> Any:
        """Return ``{"engines": [...]}``; admins may."""
        resp, body = self.get(f"{self.project_id}/os-sync-engines")
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
