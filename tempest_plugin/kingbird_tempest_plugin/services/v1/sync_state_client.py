"""A client of ``/os-sync-state``."""

import json
from typing import Any
from urllib.parse import urlencode

from tempest.lib.common import rest_client


class SyncStateClient(rest_client.RestClient):
    """A client of ``/os-sync-state`` in the user's project."""

    def list_sync_state(self, **params: Any) -> Any:
        """Return the figures of the ``regions``, and a page of ``images`` not in order.

        :param params: the query, such as ``state``.
        """
        return self._get(f"?{urlencode(params)}" if params else "")

    def show_sync_state(self, image_id: str) -> Any:
        """Return an ``image`` as each region holds it now."""
        return self._get(f"/{image_id}")

    def _get(self, path: str) -> Any:
        resp, body = self.get(f"{self.project_id}/os-sync-state{path}")
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
