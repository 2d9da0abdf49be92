"""Rules: list, create, change, run and delete them."""

from typing import Any

from kingbird_dashboard.api import client

#: The most rules that a page shows.
PAGE = 200


def list_all(request: Any, **query: Any) -> list[dict[str, Any]]:
    """Return the rules of the project, the newest first.

    :param query: ``all_projects``, for the rules of every project.
    """
    answer = client.call(request, "GET", "os-sync-rules", query={"limit": PAGE, **query})
    return answer.body["rules"]


def show(request: Any, rule_id: str) -> dict[str, Any]:
    """Return a rule of the project."""
    return client.call(request, "GET", f"os-sync-rules/{rule_id}").body["rule"]


def create(request: Any, rule: dict[str, Any]) -> dict[str, Any]:
    return client.call(request, "POST", "os-sync-rules", body={"rule": rule}).body["rule"]


def update(request: Any, rule_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change fields of a rule.  It has the rights of the caller from then on."""
    return client.call(request, "PATCH", f"os-sync-rules/{rule_id}", body={"rule": changes}).body[
        "rule"
    ]


def delete(request: Any, rule_id: str, project: str = "") -> None:
    """Delete a rule.

    :param project: the id of another project, which only an admin may name.
    """
    client.call(request, "DELETE", f"os-sync-rules/{rule_id}", project=project)


def run(request: Any, rule_id: str, *, dry_run: bool = False) -> str:
    """Run a rule now, and return the job's id."""
    body = {"dry_run": True} if dry_run else None
    answer = client.call(request, "POST", f"os-sync-rules/{rule_id}/run", body=body)
    return answer.body["job_status"]["id"]
