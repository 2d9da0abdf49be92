"""The rules of Glance 33 as pure functions on image dicts.

The double and the stand-in use these rules.  The tests in
``kingbird/tests/functional/test_glance_contract*.py`` run on both of them and on a real Glance.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jsonschema

from kingbird import exception
from kingbird.tests.doubles.glance_store import Record, Shares

Image = dict[str, Any]

ADMIN_ROLES = ("admin", "manager", "member", "reader")
MEMBER_ROLES = ("member", "reader")

LARGEST_INTEGER = 2**31 - 1
#: States of images that are in no list.  Glance 33 does not show the last two by id either.
UNLISTED = frozenset({"killed", "pending_delete", "deleted"})


@dataclass(frozen=True)
class Quotas:
    """The most properties and tags of an image."""

    properties: int = 128
    tags: int = 128


#: Attributes of Glance.  All other fields of an image are custom properties.
ATTRIBUTES = (
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "size",
    "virtual_size",
    "status",
    "checksum",
    "protected",
    "min_ram",
    "min_disk",
    "owner",
    "os_hidden",
    "os_hash_algo",
    "os_hash_value",
    "id",
    "created_at",
    "updated_at",
    "tags",
)
#: Fields that only a response contains: links and locations of data.
SHOWN_ONLY = ("direct_url", "self", "file", "schema", "stores")
SETTABLE = frozenset(
    {
        "name",
        "disk_format",
        "container_format",
        "visibility",
        "protected",
        "min_ram",
        "min_disk",
        "owner",
        "os_hidden",
        "tags",
    }
)
_READ_ONLY_AT_CREATE = ("created_at", "updated_at", "status", "checksum", "size", "virtual_size")
_READ_ONLY_AT_UPDATE = frozenset(
    {*_READ_ONLY_AT_CREATE, "id", "os_hash_algo", "os_hash_value"} | {*SHOWN_ONLY} - {"stores"}
)
_RESERVED = ("location", "deleted", "deleted_at")
_RESERVED_PREFIX = "os_glance_"
#: Attributes of Glance's own objects.  A PATCH sets them there, and nothing is stored.
_OF_OBJECTS = frozenset(
    [
        *("_abc_impl", "_format_image_send", "_format_import_properties"),
        *("_get_chunk_data_iterator", "base", "context", "deactivate", "delete"),
        *("extra_properties", "get_data", "get_payload", "get_super_class", "helper"),
        *("image_id", "member", "notifier", "reactivate", "repo", "send_notification"),
        *("set_data", *dir(object)),
    ]
)
#: Those whose change ends in a 500.
_BREAKING = frozenset({"base", "extra_properties", "__class__", "__dict__"})
_NULLABLE_STRING = {"type": ["null", "string"]}
_NULLABLE_INTEGER = {"type": ["null", "integer"]}
_DISK_FORMATS = ["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"]
_CONTAINER_FORMATS = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]

_SCHEMA = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "properties": {
            "id": {
                "type": "string",
                "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            },
            "name": {**_NULLABLE_STRING, "maxLength": 255},
            "status": {"type": "string"},
            "visibility": {"enum": ["community", "public", "private", "shared"]},
            "protected": {"type": "boolean"},
            "os_hidden": {"type": "boolean"},
            "checksum": {**_NULLABLE_STRING, "maxLength": 32},
            "os_hash_algo": {**_NULLABLE_STRING, "maxLength": 64},
            "os_hash_value": {**_NULLABLE_STRING, "maxLength": 128},
            "owner": {**_NULLABLE_STRING, "maxLength": 255},
            "size": _NULLABLE_INTEGER,
            "virtual_size": _NULLABLE_INTEGER,
            "container_format": {"enum": [None, *_CONTAINER_FORMATS]},
            "disk_format": {"enum": [None, *_DISK_FORMATS]},
            "created_at": {"type": "string"},
            "updated_at": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
            "min_ram": {"type": "integer"},
            "min_disk": {"type": "integer"},
            "locations": {"type": "array"},
        },
        "additionalProperties": {"type": "string"},
    }
)


@dataclass(frozen=True)
class Caller:
    """The caller, as Glance reads it from a token."""

    project: str
    roles: tuple[str, ...] = MEMBER_ROLES

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles

    def may(self, role: str, owner: str | None) -> bool:
        """Return True if the caller is an admin or has this role in the owner's project."""
        return self.is_admin or (role in self.roles and owner == self.project)


def sees(caller: Caller, record: Record, shares: Shares) -> bool:
    """Return True if a GET by id shows an existing image to the caller."""
    if caller.is_admin:
        return True
    if "reader" not in caller.roles:
        return False
    if record.visibility in ("public", "community") or record.owner == caller.project:
        return True
    return record.visibility == "shared" and caller.project in shares.get(record.id, ())


def eyes(
    caller: Caller, shares: Shares, *, visibility: str | None, member_status: str, hidden: bool
) -> Callable[[Record], bool]:
    """Return a predicate for the images in a caller's list.

    :param visibility: the filter: a visibility, ``all``, or ``None`` without one.  Without a
        filter even an admin's list omits community images of others.
    :param member_status: the status of shares that count; ``all`` for any.
    """
    project, is_admin = caller.project, caller.is_admin

    def shared(record: Record) -> bool:
        share = shares.get(record.id, {}).get(project)
        return share is not None and member_status in ("all", share["status"])

    def look(record: Record) -> bool:
        if record.hidden is not hidden:
            return False
        own, shown = record.owner == project, record.visibility
        if visibility is None:
            if shown == "community" and not own:
                return False
        elif visibility not in ("all", shown):
            return False
        if is_admin or own or shown in ("public", "community"):
            return True
        return shown == "shared" and shared(record)

    return look


def refuse(status: int, message: str) -> exception.ImageRequestRejected:
    """Return the error that the client raises for a 4xx."""
    return exception.ImageRequestRejected(message, status)


def check_schema(body: Image) -> None:
    """Raise 400 for a value that the schema of images forbids."""
    for error in _SCHEMA.iter_errors(body):
        raise refuse(400, f"Provided object does not match schema 'image': {error.message}")


def check_values(image: Image, quotas: Quotas) -> None:
    """Raise the errors that Glance finds when it stores: 400 for values, 413 for quotas."""
    for name in ("min_disk", "min_ram"):
        if image[name] < 0:
            raise refuse(
                400,
                f"Invalid value '{image[name]}' for parameter '{name}': "
                "Cannot be a negative value",
            )
        if image[name] > LARGEST_INTEGER:
            raise refuse(400, f"'{name}' value out of range, must not exceed {LARGEST_INTEGER}.")
    if len(set(image["tags"])) > quotas.tags:
        raise _over_quota("tags", len(set(image["tags"])), quotas.tags)
    _check_characters("Name can't contain 4 byte unicode characters.", [image["name"] or ""])
    for name, value in properties(image).items():
        _check_characters("Property names can't contain 4 byte unicode.", [name])
        _check_characters(f"{name.capitalize()} can't contain 4 byte unicode characters.", [value])


def check_tags(tags: Iterable[str]) -> None:
    """Raise 400 for invalid tags, which Glance finds after it stored the other fields."""
    _check_characters("Param values can't contain 4 byte unicode.", tags)


def can_store(tags: Iterable[str]) -> bool:
    """Return True if :func:`check_tags` accepts the tags."""
    return not any(_is_astral(tag) for tag in tags)


def _is_astral(text: str) -> bool:
    return not text.isascii() and max(text) > "\uffff"


def _check_characters(message: str, texts: Iterable[str]) -> None:
    if any(map(_is_astral, texts)):
        raise refuse(400, message)


def _over_quota(what: str, attempted: int, quota: int) -> exception.ImageRequestRejected:
    noun = {"tags": "image tags", "properties": "image properties"}[what]
    return refuse(
        413,
        f"The limit has been exceeded on the number of allowed {noun}. "
        f"Attempted: {attempted}, Maximum: {quota}",
    )


def properties(image: Image) -> dict[str, str]:
    """Return the custom properties of an image."""
    known = (*ATTRIBUTES, *SHOWN_ONLY)
    return {name: value for name, value in image.items() if name not in known}


def new_image(caller: Caller, body: Image, image_id: str, now: str, quotas: Quotas) -> Image:
    """Return the image that a POST makes.

    :param image_id: the id that Glance would choose; an id in the body takes precedence.
    :raises kingbird.exception.ImageRequestRejected: with 400, 403 or 413.
    """
    for name in SHOWN_ONLY:
        if name in body:
            raise refuse(403, f"Attribute '{name}' is read-only.")
    check_schema(body)
    for name in body:
        if name in _RESERVED or name.startswith(_RESERVED_PREFIX):
            raise refuse(
                403, f"Access was denied to this resource. Attribute '{name}' is reserved."
            )
        if len(name) > 255:
            raise refuse(400, "Custom property should not be greater than 255 characters.")
    owner = body.get("owner", caller.project)
    if not caller.may("member", owner):
        if owner != caller.project:
            raise refuse(
                403,
                "Access was denied to this resource. You are not permitted to create images "
                f"owned by '{owner}'",
            )
        raise refuse(403, "You are not authorized to complete add_image action.")
    check_visibility(caller, body.get("visibility"))
    for name in _READ_ONLY_AT_CREATE:
        if name in body:
            raise refuse(403, f"Attribute '{name}' is read-only.")
    if "locations" in body:
        raise refuse(403, "Attribute 'locations' is reserved.")
    image: Image = {
        **{name: value for name, value in body.items() if name not in ATTRIBUTES},
        **dict.fromkeys(ATTRIBUTES),
        "visibility": "shared",
        "status": "queued",
        "protected": False,
        "os_hidden": False,
        "min_ram": 0,
        "min_disk": 0,
        **{name: value for name, value in body.items() if name in SETTABLE},
        "owner": owner,
        "id": body.get("id", image_id),
        "created_at": now,
        "updated_at": now,
        "tags": list(set(body.get("tags", []))),
    }
    if len(properties(image)) > quotas.properties:
        raise _over_quota("properties", len(properties(image)), quotas.properties)
    check_values(image, quotas)
    return shown(image)


def shown(image: Image) -> Image:
    """Return the image as a response shows it: custom properties first, links last."""
    link = f"/v2/images/{image['id']}"
    return {
        **properties(image),
        **{name: image[name] for name in ATTRIBUTES if name != "tags"},
        **({"direct_url": image["direct_url"]} if "direct_url" in image else {}),
        "tags": image["tags"],
        "self": link,
        "file": f"{link}/file",
        "schema": "/v2/schemas/image",
        **({"stores": image["stores"]} if "stores" in image else {}),
    }


def check_visibility(caller: Caller, visibility: str | None) -> None:
    """Raise 403 if the caller is no admin and makes an image public."""
    if visibility == "public" and not caller.is_admin:
        raise refuse(403, "You are not authorized to complete publicize_image action.")


def parse_change(change: Any) -> tuple[str, str, Any]:
    """Check an operation of a PATCH without regard to the image.

    :returns: operation, field and value (``None`` for a removal).
    """
    if not isinstance(change, dict):
        raise refuse(400, "Operations must be JSON objects.")
    operation = change.get("op")
    if operation not in ("add", "remove", "replace"):
        words = "Unable to find `op` in JSON Schema change."
        raise refuse(400, words if operation is None else f"Invalid operation: `{operation}`.")
    if "path" not in change:
        raise refuse(400, "Unable to find 'path' in JSON Schema change")
    pointer = change["path"]
    if not pointer.startswith("/"):
        raise refuse(400, f'Pointer `{pointer}` does not start with "/".')
    if re.search("~[^01]|~$", pointer):
        raise refuse(400, f'Pointer `{pointer}` contains "~" not part of a recognized escape')
    path = [part.replace("~1", "/").replace("~0", "~").strip() for part in pointer[1:].split("/")]
    if len(path) != 1:
        raise refuse(400, f"Invalid JSON pointer for this resource: '{pointer}'")
    name = path[0]
    if operation != "remove" and "value" not in change:
        raise refuse(400, f'Operation "{operation}" requires a member named "value".')
    if name in _READ_ONLY_AT_UPDATE:
        raise refuse(403, f"Attribute '{name}' is read-only.")
    if name in _RESERVED or name.startswith(_RESERVED_PREFIX):
        raise refuse(403, f"Attribute '{name}' is reserved.")
    if operation == "remove":
        return operation, name, None
    check_schema({name: change["value"]})
    return operation, name, change["value"]


def _set_on_object(name: str, value: Any) -> None:
    """Raise the error of setting an attribute of Glance's own object, if there is one."""
    if name == "image_id":
        raise refuse(404, f"No image found with ID {value}")
    if name in _BREAKING:
        raise exception.RegionUnavailable("The server has either erred", 500)


def status_after(caller: Caller, image: Image, action: str) -> str:
    """Return the status of an image that is deactivated or reactivated.

    :raises kingbird.exception.ImageRequestRejected: with 403.
    """
    if not caller.may("member", image["owner"]):
        raise refuse(403, f"You are not authorized to complete {action} action.")
    if image["status"] not in ("active", "deactivated"):
        raise refuse(403, f"Not allowed to {action} image in status '{image['status']}'")
    return "deactivated" if action == "deactivate" else "active"


def changed_image(
    caller: Caller, old: Image, changes: list[tuple[str, str, Any]], now: str, quotas: Quotas
) -> Image:
    """Return the image after a PATCH, which is atomic.

    The caller has to check first that the image exists and is visible.

    :raises kingbird.exception.ImageRequestRejected: with 400, 403, 409 or 413.
    """
    image = dict(old)
    denied = "Access was denied to this resource. "
    for operation, name, value in changes:
        attribute = name in SETTABLE
        if operation == "replace" and name == "owner" and not caller.is_admin:
            raise refuse(403, f"{denied}Owner can't be updated by non admin.")
        if operation == "replace" and name == "locations":
            raise refuse(403, f"{denied}Cannot set locations to empty list.")
        if name == "visibility":
            check_visibility(caller, value)
        if not caller.may("member", old["owner"]):
            raise refuse(403, "You are not authorized to complete modify_image action.")
        if operation == "remove" and (attribute or name in _OF_OBJECTS):
            raise refuse(403, f"{denied}Property {name} may not be removed.")
        if name in _OF_OBJECTS:
            _set_on_object(name, value)
            continue
        if operation != "add" and name not in image:
            raise refuse(
                409,
                "There was a conflict when trying to complete your request. "
                f"Property {name} does not exist.",
            )
        if name in ("disk_format", "container_format") and old["status"] != "queued":
            raise refuse(403, f"Attribute {name} can be only replaced for a queued image.")
        if operation == "remove":
            del image[name]
        else:
            image[name] = list(set(value)) if name == "tags" else value
    new = set(properties(image)) - set(properties(old))
    if new and len(properties(image)) > quotas.properties:
        raise _over_quota("properties", len(properties(image)), quotas.properties)
    check_values(image, quotas)
    return shown({**image, "updated_at": now} if changes else image)
