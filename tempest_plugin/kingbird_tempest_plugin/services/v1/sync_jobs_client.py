"""A client of ``/os-sync`` and the paths below."""

import json
from typing import Any
from urllib.parse import urlencode

from tempest.lib.common import rest_client


class SyncJobsClient(rest_client.RestClient):
    """A client of ``/os-sync`` in the user's project, or in a given one.

    Responses are dictionaries.  An error raises the exception of ``tempest.lib.exceptions`` for
    its code.
    """

    def _jobs(self, path: str = "", project: str | None = None) -> str:
        return f"{project or self.project_id}/os-sync{path}"

    def create_sync_job(self, *sets: dict[str, Any]) -> Any:
        """Create a job of one or several sets, and return ``{"job_status": {...}}``."""
        return self.create_from_body(
            {"resource_set": sets[0] if len(sets) == 1 else {"Sync": list(sets)}}
        )

    def create_from_body(self, body: Any) -> Any:
        """Post any body, including an invalid one."""
        resp, answer = self.post(self._jobs(), json.dumps(body))
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(answer))

    def list_sync_jobs(self, project: str | None = None, **params: Any) -> Any:
        """Return a page of the project's jobs, newest first.

        :param project: another project, for admins.
        :param params: the query, such as ``limit``.
        """
        return self._get(self._jobs(project=project), params)

    def list_active_sync_jobs(self, project: str | None = None, **params: Any) -> Any:
        """Return a page of the jobs that are in progress."""
        return self._get(self._jobs("/active", project), params)

    def list_sync_jobs_detail(self, project: str | None = None, **params: Any) -> Any:
        """Return a page of the jobs with the numbers of their items."""
        return self._get(self._jobs("/detail", project), params)

    def show_sync_job(self, job_id: str, project: str | None = None, **params: Any) -> Any:
        """Return a page of a job's items as ``job_set``, with the ``job``."""
        return self._get(self._jobs(f"/{job_id}", project), params)

    def delete_sync_job(self, job_id: str, project: str | None = None) -> Any:
        """Delete a job that has ended."""
        resp, body = self.delete(self._jobs(f"/{job_id}", project))
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))

    def cancel_sync_job(self, job_id: str, project: str | None = None, **part: Any) -> Any:
        """Cancel a job in progress.

        :param part: ``regions`` and ``resources``; all of the job without them.
        """
        return self._act(job_id, "cancel", project, part)

    def retry_sync_job(self, job_id: str, project: str | None = None, **part: Any) -> Any:
        """Retry what failed of a job that has ended, only in the user's project.

        :param part: ``regions`` and ``resources``; all of the job without them.
        """
        return self._act(job_id, "retry", project, part)

    def apply_sync_job(self, job_id: str, project: str | None = None) -> Any:
        """Carry out the plan of a dry run as a new job, only in the user's project."""
        return self._act(job_id, "apply", project, {})

    def undo_sync_job(self, job_id: str, project: str | None = None) -> Any:
        """Take back what a job has written as a new job, only in the user's project."""
        return self._act(job_id, "undo", project, {})

    def _act(self, job_id: str, action: str, project: str | None, body: Any) -> Any:
        resp, body = self.post(self._jobs(f"/{job_id}/{action}", project), json.dumps(body))
        self.expected_success(202, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))

    def _get(self, url: str, params: dict[str, Any]) -> Any:
        resp, body = self.get(f"{url}?{urlencode(params)}" if params else url)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
