"""A client of Kingbird's API for the commands."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from keystoneauth1 import adapter
from keystoneauth1.session import Session
from osc_lib import exceptions

from kingbird.osc.output import JSON

SERVICE_TYPE = "synchronization"


_RULES = "os-sync-rules"
_STATE = "os-sync-state"
_UUID = re.compile("[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I)


class ApiError(exceptions.ClientException):
    """The API returned an error; the text is its message.

    :ivar code: the HTTP status.
    """


@dataclass(frozen=True)
class SeenJob:
    """A job as the API showed it.

    :ivar tag: the tag of that answer, if it had one.
    """

    job: JSON
    tag: str | None


@dataclass(frozen=True)
class StatePage:
    """A page of the images that are not in order.

    :ivar regions: the figures by region, of all images.
    :ivar more_follow: True if there is a next page.
    """

    regions: dict[str, JSON]
    images: list[JSON]
    more_follow: bool


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

        Such jobs can be listed, shown, cancelled and deleted, but not created, retried or applied.

        :param project: the project's id; ``None`` for the token's project.
        """
        other = copy.copy(self)
        other._project = project
        return other

    def create(self, resource_set: JSON) -> str:
        """Create a job and return its id.

        :param resource_set: a set, or several sets under ``Sync``.
        """
        return self._begin("os-sync", {"resource_set": resource_set})

    def jobs(self, *, active: bool = False, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return jobs of the project, and True if more follow.

        :param active: list only jobs in progress.
        :param query: ``limit``, ``marker``, ``status``, ``sort_key`` and ``sort_dir``.  Without a
            limit no more follow.
        """
        return self._entries("os-sync/active" if active else "os-sync", query)

    def details(self, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return jobs in detail, and True if more follow; see :meth:`jobs`.

        :param query: also ``all_projects``, which is ``true`` for the jobs of every project.
        """
        return self._entries("os-sync/detail", query)

    def items(self, job: str, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return items of a job, and True if more follow; see :meth:`jobs`.

        :param query: also ``resource``, ``target_region``, ``reason`` and ``changed_since``.
        """
        return self._entries(_path(job), query)

    def job(self, job: str) -> JSON:
        """Return a job without its items."""
        return self.poll(job).job

    def poll(self, job: str, seen: SeenJob | None = None) -> SeenJob:
        """Return a job without its items.

        :param seen: the job as it was seen before; the API says in a few bytes if it is the same.
        """
        headers = {"If-None-Match": seen.tag} if seen is not None and seen.tag else {}
        answer = self._ask("GET", _path(job), params={"limit": 1}, headers=headers)
        if answer.status_code == 304 and seen is not None:
            return seen
        return SeenJob(_body(answer)["job"], answer.headers.get("ETag"))

    def cancel(self, job: str, **part: Sequence[str] | None) -> None:
        """Cancel a job, or a part of it.

        :param part: ``regions`` and ``resources``; all of the job without them.
        """
        self._call("POST", f"{_path(job)}/cancel", **_named(part))

    def retry(self, job: str, **part: Sequence[str] | None) -> None:
        """Retry what failed of a job, or of a part of it; see :meth:`cancel`."""
        self._call("POST", f"{_path(job)}/retry", **_named(part))

    def apply(self, job: str) -> str:
        """Carry out the plan of a dry run, and return the id of the new job."""
        return self._begin(f"{_path(job)}/apply")

    def undo(self, job: str) -> str:
        """Take back what a job wrote, and return the id of the new job."""
        return self._begin(f"{_path(job)}/undo")

    def delete(self, job: str) -> None:
        """Delete a job that has ended."""
        self._call("DELETE", _path(job))

    def engines(self) -> tuple[list[JSON], list[JSON]]:
        """Return the engines and the listeners, for admins."""
        answer = self._call("GET", "os-sync-engines")
        return answer["engines"], answer["listeners"]

    def state(self, **query: Any) -> StatePage:
        """Return a page of the images that are not in order, as it is stored.

        :param query: ``limit``, ``marker``, ``region``, ``state``, ``name``, ``owner``,
            ``older_than``, ``sort``, ``all_projects`` and ``resource_type``.
        """
        answer = self._call("GET", _STATE, params=_given(query))
        return StatePage(answer["regions"], answer["images"], _more_follow(answer))

    def image_state(self, image_id: str) -> JSON:
        """Return an image as each region holds it now."""
        return self._call("GET", f"{_STATE}/{_quoted(image_id)}")["image"]

    def rules(self, **query: str | int | None) -> tuple[list[JSON], bool]:
        """Return rules of the project, and True if more follow; see :meth:`jobs`.

        :param query: ``limit``, ``marker``, ``enabled``, ``state``, ``sort_key``, ``sort_dir`` and
            ``all_projects``, which is ``true`` for the rules of every project.
        """
        return self._entries(_RULES, query, "rules")

    def rule(self, rule: str) -> JSON:
        """Return a rule by its id or its name.

        :raises osc_lib.exceptions.CommandError: the project has no such rule.
        """
        if _UUID.fullmatch(rule):
            return self._call("GET", _rule_path(rule))["rule"]
        for each in self.rules()[0]:
            if each["name"] == rule:
                return each
        raise exceptions.CommandError(f"The project has no rule {rule}")

    def create_rule(self, fields: JSON) -> JSON:
        """Create a rule and return it."""
        return self._call("POST", _RULES, json={"rule": fields})["rule"]

    def update_rule(self, rule_id: str, fields: JSON) -> JSON:
        """Change a rule and return it."""
        return self._call("PATCH", _rule_path(rule_id), json={"rule": fields})["rule"]

    def delete_rule(self, rule_id: str) -> None:
        """Delete a rule."""
        self._call("DELETE", _rule_path(rule_id))

    def run_rule(
        self,
        rule_id: str,
        *,
        dry_run: bool,
        images: Sequence[str] | None = None,
        orphan_limit: int | None = None,
    ) -> str:
        """Run a rule, for some images or all, and return the job's id.

        :param orphan_limit: the orphans that the run may hide or delete.
        """
        body: JSON = {"dry_run": dry_run}
        if orphan_limit is not None:
            body["orphan_limit"] = orphan_limit
        if images:
            body["resources"] = list(images)
        return self._begin(f"{_rule_path(rule_id)}/run", body)

    def _begin(self, path: str, body: JSON | None = None) -> str:
        return str(self._call("POST", path, json=body)["job_status"]["id"])

    def _entries(
        self, path: str, query: Mapping[str, str | int | None], key: str = "job_set"
    ) -> tuple[list[JSON], bool]:
        answer = self._call("GET", path, params=_given(query))
        return answer[key], _more_follow(answer)

    def _call(self, method: str, path: str, **kwargs: Any) -> JSON:
        return _body(self._ask(method, path, **kwargs))

    def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        project = self._project or self._adapter.get_project_id()
        if not project:
            raise exceptions.CommandError("Image synchronization needs a token for a project")
        answer = self._adapter.request(f"/{_quoted(project)}/{path}", method, **kwargs)
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, _message(answer))
        return answer


def _body(answer: Any) -> JSON:
    """Return the JSON object of a response.

    :raises ApiError: the response has none.
    """
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


def _given(query: Mapping[str, Any]) -> JSON:
    """Return the parameters that have a value."""
    return {name: value for name, value in query.items() if value}


def _more_follow(answer: JSON) -> bool:
    return any(link["rel"] == "next" for link in answer.get("links", []))


def _named(part: Mapping[str, Sequence[str] | None]) -> JSON:
    """Return the arguments of a request about a part of a job."""
    body = {name: list(value) for name, value in part.items() if value}
    return {"json": body} if body else {}


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
