"""A client of ``/os-sync-rules`` and the paths below."""

import json
from typing import Any
from urllib.parse import urlencode

from tempest.lib.common import rest_client


class SyncRulesClient(rest_client.RestClient):
    """A client of ``/os-sync-rules`` in the user's project, or in a given one.

    Responses are dictionaries.  An error raises the exception of ``tempest.lib.exceptions`` for
    its code.
    """

    def _rules(self, path: str = "", project: str | None = None) -> str:
        return f"{project or self.project_id}/os-sync-rules{path}"

    def create_sync_rule(self, **fields: Any) -> Any:
        """Create a rule, and return ``{"rule": {...}}``."""
        resp, body = self.post(self._rules(), json.dumps({"rule": fields}))
        self.expected_success(201, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))

    def list_sync_rules(self, project: str | None = None, **params: Any) -> Any:
        """Return a page of the project's rules, newest first.

        :param project: another project, for admins.
        :param params: the query, such as ``limit``.
        """
        query = f"?{urlencode(params)}" if params else ""
        return self._get(self._rules(query, project))

    def show_sync_rule(self, rule_id: str, project: str | None = None) -> Any:
        """Return a rule with its state."""
        return self._get(self._rules(f"/{rule_id}", project))

    def update_sync_rule(self, rule_id: str, **fields: Any) -> Any:
        """Change fields of a rule, which then has the user's rights."""
        resp, body = self.patch(self._rules(f"/{rule_id}"), json.dumps({"rule": fields}))
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))

    def delete_sync_rule(self, rule_id: str, project: str | None = None) -> Any:
        """Delete a rule and cancel its jobs."""
        resp, body = self.delete(self._rules(f"/{rule_id}", project))
        self.expected_success(204, resp.status)
        return rest_client.ResponseBody(resp, body)

    def run_sync_rule(self, rule_id: str, **options: Any) -> Any:
        """Begin a run, and return ``{"job_status": {...}}``."""
        resp, body = self.post(self._rules(f"/{rule_id}/run"), json.dumps(options))
        self.expected_success(202, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))

    def _get(self, url: str) -> Any:
        resp, body = self.get(url)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
