"""A client of Kingbird's API for the commands."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from keystoneauth1 import adapter
from keystoneauth1.session import Session
from osc_lib import exceptions

SERVICE_TYPE = "synchronization"

JSON = dict[str, Any]

_RULES = "os-sync-rules"
_UUID = re.compile("[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I)


class ApiError(exceptions.ClientException):
    """The API returned an error; the text is its message.

    :ivar code: the HTTP status.
    """


class SyncClient:
    """A client of the API, in the project of the session's token unless another one is chosen.

    Each call raises :class:`ApiError` if the API returns an error, and keystoneauth's exceptions
    if the API cannot be reached or Keystone returns an error.

    :param interface: the interface of the endpoint in the catalog.
    :param region_name: the region of the endpoint; any region if not given.
    :param endpoint: a URL that replaces the catalog's endpoint.
    """

    def __init__(
        self,
        session: Session,
        *,
        interface: str | None = None,
        region_name: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._adapter = adapter.Adapter(
            session,
            service_type=SERVICE_TYPE,
            interface=interface or "public",
            region_name=region_name or None,
            endpoint_override=endpoint,
            raise_exc=False,
        )
        self._project: str | None = None

    def of_project(self, project: str | None) -> "SyncClient":
        """Return a client of another project's jobs, for admins.

        Such jobs can be listed, shown, cancelled and deleted, but not created or retried.

        :param project: the project's id; ``None`` for the token's project.
        """
        other = copy.copy(self)
        other._project = project
        return other

    def create(self, resource_set: JSON) -> str:
        """Create a job and return its id.

        :param resource_set: a set, or several sets under ``Sync``.
        """
        answer = self._call("POST", "os-sync", json={"resource_set": resource_set})
        return str(answer["job_status"]["id"])

    def jobs(self, *, active: bool = False, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return jobs of the project, and True if more follow.

        :param active: list only jobs in progress.
        :param query: ``limit``, ``marker``, ``status``, ``sort_key`` and ``sort_dir``.  Without a
            limit no more follow.
        """
        return self._entries("os-sync/active" if active else "os-sync", query)

    def items(self, job: str, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return items of a job, and True if more follow; see :meth:`jobs`."""
        return self._entries(_path(job), query)

    def job(self, job: str) -> JSON:
        """Return a job without its items."""
        found: JSON = self._call("GET", _path(job), params={"limit": 1})["job"]
        return found

    def cancel(self, job: str) -> None:
        """Cancel a job."""
        self._call("POST", f"{_path(job)}/cancel")

    def retry(self, job: str) -> None:
        """Retry what failed of a job."""
        self._call("POST", f"{_path(job)}/retry")

    def delete(self, job: str) -> None:
        """Delete a job that has ended."""
        self._call("DELETE", _path(job))

    def engines(self) -> tuple[list[JSON], list[JSON]]:
        """Return the engines and the listeners, for admins."""
        answer = self._call("GET", "os-sync-engines")
        return answer["engines"], answer["listeners"]

    def rules(self, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return rules of the project, and True if more follow; see :meth:`jobs`.

        :param query: ``limit``, ``marker``, ``enabled``, ``state``, ``sort_key`` and ``sort_dir``.
        """
        return self._entries(_RULES, query, "rules")

    def rule(self, rule: str) -> JSON:
        """Return a rule by its id or its name.

        :raises osc_lib.exceptions.CommandError: the project has no such rule.
        """
        if _UUID.fullmatch(rule):
            found: JSON = self._call("GET", _rule_path(rule))["rule"]
            return found
        for each in self.rules()[0]:
            if each["name"] == rule:
                return each
        raise exceptions.CommandError(f"The project has no rule {rule}")

    def create_rule(self, fields: JSON) -> JSON:
        """Create a rule and return it."""
        made: JSON = self._call("POST", _RULES, json={"rule": fields})["rule"]
        return made

    def update_rule(self, rule_id: str, fields: JSON) -> JSON:
        """Change a rule and return it."""
        changed: JSON = self._call("PATCH", _rule_path(rule_id), json={"rule": fields})["rule"]
        return changed

    def delete_rule(self, rule_id: str) -> None:
        """Delete a rule."""
        self._call("DELETE", _rule_path(rule_id))

    def run_rule(self, rule_id: str, *, dry_run: bool, images: Sequence[str] | None = None) -> str:
        """Run a rule, for some images or all, and return the job's id."""
        body: JSON = {"dry_run": dry_run}
        if images:
            body["resources"] = list(images)
        answer = self._call("POST", f"{_rule_path(rule_id)}/run", json=body)
        return str(answer["job_status"]["id"])

    def _entries(
        self, path: str, query: Mapping[str, str | int | None], key: str = "job_set"
    ) -> tuple[list[JSON], bool]:
        given = {name: value for name, value in query.items() if value}
        answer = self._call("GET", path, params=given)
        return answer[key], any(link["rel"] == "next" for link in answer.get("links", []))

    def _call(self, method: str, path: str, **kwargs: Any) -> JSON:
        project = self._project or self._adapter.get_project_id()
        if not project:
            raise exceptions.CommandError("Image synchronization needs a token for a project")
        answer = self._adapter.request(f"/{_quoted(project)}/{path}", method, **kwargs)
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, _message(answer))
        if answer.status_code == 204:
            return {}
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ApiError(
                answer.status_code, f"{answer.url} doesn't answer as Kingbird does: no JSON object"
            )
        return body


def _rule_path(rule_id: str) -> str:
    return f"{_RULES}/{_quoted(rule_id)}"


def _path(job: str) -> str:
    return f"os-sync/{_quoted(job)}"


def _quoted(name: str) -> str:
    """Return an id quoted as a part of a path.

    :raises osc_lib.exceptions.CommandError: the id would change the path.
    """
    if name in ("", ".", ".."):
        raise exceptions.CommandError(f"{name!r} is no id")
    return quote(name, safe="", errors="replace")


def _message(answer: Any) -> str:
    """Return the message of an error response, also of a proxy's."""
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        # A proxy in front of the API may answer in HTML.
        return f"{answer.reason or 'Error'} from {answer.url}"
