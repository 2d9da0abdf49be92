"""Version discovery, which needs no token."""

import json
from typing import Any

from tempest.lib.common import rest_client


class VersionsClient(rest_client.RestClient):
    """A client of version discovery, at the endpoint and at its root."""

    def show_version(self) -> Any:
        """Return the version at the endpoint in the catalog."""
        return self._show(self.base_url)

    def list_versions(self) -> Any:
        """Return the versions at the root of the service."""
        return self._show(self.base_url.rpartition("/v")[0] + "/")

    def _show(self, url: str) -> Any:
        resp, body = self.raw_request(url, "GET", headers={"Accept": "application/json"})
        self.expected_success([200, 300], resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
