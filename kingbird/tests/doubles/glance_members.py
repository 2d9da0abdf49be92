"""The shares of Glance 33: rights to see, create and answer them."""

from typing import Any

from kingbird.tests.doubles import glance_rules as rules
from kingbird.tests.doubles.glance_rules import Caller, refuse
from kingbird.tests.doubles.glance_store import Record, Store

_STATUSES = ("pending", "accepted", "rejected")

Member = dict[str, Any]


def new_member(image_id: str, project: str, status: str, now: str) -> Member:
    """Return a share as Glance shows it."""
    return {
        "member_id": project,
        "image_id": image_id,
        "status": status,
        "created_at": now,
        "updated_at": now,
        "schema": "/v2/schemas/member",
    }


def list_members(caller: Caller, store: Store, image_id: str) -> dict[str, Any]:
    """Return the shares of an image that the caller may see.

    :raises kingbird.exception.ImageRequestRejected: with 403 or 404.
    """
    record = _seen(caller, store, image_id)
    if record.visibility != "shared":
        raise refuse(
            403,
            f"Not allowed to list members for image {image_id}: Only shared images have members.",
        )
    return {"members": _known(caller, store, record), "schema": "/v2/schemas/members"}


def add(caller: Caller, store: Store, image_id: str, body: Any, now: str) -> Member:
    """Share an image.

    :raises kingbird.exception.ImageRequestRejected: with 400, 403, 404 or 409.
    """
    if not isinstance(body, dict):
        raise refuse(400, 'Expected a member in the form: {"member": "image_id"}')
    if "member" not in body:
        raise refuse(400, "Member to be added not specified")
    if not body["member"]:
        raise refuse(400, "Member can't be empty")
    project = str(body["member"])
    record = _seen(caller, store, image_id)
    if record.visibility != "shared":
        raise refuse(403, f"Not allowed to create members for image {image_id}.")
    if not caller.may("member", record.owner):
        raise refuse(403, "You are not authorized to complete add_member action.")
    shares = store.shares.setdefault(image_id, {})
    if project in shares:
        raise refuse(409, f"Member {project} is duplicated for image {image_id}")
    shares[project] = new_member(image_id, project, "pending", now)
    return shares[project]


def answer(
    caller: Caller, store: Store, image_id: str, project: str, body: Any, now: str
) -> Member:
    """Set the status of a share.

    :raises kingbird.exception.ImageRequestRejected: with 400, 403 or 404.
    """
    if not isinstance(body, dict):
        raise refuse(400, 'Expected a status in the form: {"status": "status"}')
    if "status" not in body:
        raise refuse(400, "Status not specified")
    record = _seen(caller, store, image_id)
    if record.visibility != "shared":
        raise refuse(403, f"Not allowed to update members for image {image_id}.")
    if all(member["member_id"] != project for member in _known(caller, store, record)):
        raise refuse(404, f"{project} not found in the member list of the image {image_id}.")
    # The owner of the image cannot accept on behalf of a member.
    if not caller.may("member", project):
        raise refuse(403, "You are not authorized to complete modify_member action.")
    if body["status"] not in _STATUSES:
        raise refuse(400, 'Incorrect request: Status must be "pending", "accepted" or "rejected".')
    shares = store.shares[image_id]
    shares[project] = {**shares[project], "status": body["status"], "updated_at": now}
    return shares[project]


def remove(caller: Caller, store: Store, image_id: str, project: str) -> None:
    """End a share.

    :raises kingbird.exception.ImageRequestRejected: with 403 or 404.
    """
    record = _seen(caller, store, image_id)
    if record.visibility != "shared":
        raise refuse(403, f"Not allowed to delete members for image {image_id}.")
    if all(member["member_id"] != project for member in _known(caller, store, record)):
        raise refuse(404, f"{project} not found in the member list of the image {image_id}.")
    if not caller.may("member", record.owner):
        raise refuse(403, "You are not authorized to complete delete_member action.")
    del store.shares[image_id][project]


def _seen(caller: Caller, store: Store, image_id: str) -> Record:
    record = store.get(image_id)
    if record is None or not rules.sees(caller, record, store.shares):
        raise refuse(404, f"Image {image_id} not found.")
    return record


def _known(caller: Caller, store: Store, record: Record) -> list[Member]:
    sees_all = caller.is_admin or record.owner == caller.project
    members = store.shares.get(record.id, {}).values()
    return [member for member in members if sees_all or member["member_id"] == caller.project]
