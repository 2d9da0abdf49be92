"""The rules of Glance for imports of data, and the stages of an import.

Each stage returns the fields of the image that change.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from kingbird.tests.doubles.glance_rules import Caller, Image, refuse

#: The methods that a Glance has enabled which fetches data from other regions.
METHODS = ("glance-direct", "web-download", "copy-image", "glance-download")
LOCK = "os_glance_import_task"
FAILED = "os_glance_failed_import"
IMPORTING_TO = "os_glance_importing_to_stores"
#: The fields of its source that a copy has once its data have arrived.
_DATA = ("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")
#: The text of every task that has failed.
MESSAGE = "Task failed due to Internal Error"


class Import:
    """One import, with its task.

    :ivar region: the region that has the data, and the image there.
    :ivar late: whether it failed late, so that its lock stays.
    """

    def __init__(self, region: str, source_id: str, now: str, owner: str) -> None:
        self.region = region
        self.source_id = source_id
        self.task: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "type": "api_image_import",
            "status": "pending",
            "owner": owner,
            "message": "",
            "result": None,
            "created_at": now,
            "updated_at": now,
        }
        self.late = False

    def change(self, status: str, now: str) -> None:
        """Give the task a status."""
        message = MESSAGE if status == "failure" else ""
        self.task.update(status=status, message=message, updated_at=now)

    @property
    def is_alive(self) -> bool:
        """True if the task has not ended."""
        return self.task["status"] in ("pending", "processing")


def shown_methods(methods: tuple[str, ...]) -> bytes:
    """Return the answer to ``GET /v2/info/import``."""
    value = {
        "import-methods": {
            "description": "Import methods available.",
            "type": "array",
            "value": list(methods),
        }
    }
    return json.dumps(value).encode()


def check(caller: Caller, image: Image, body: Any, methods: tuple[str, ...]) -> tuple[str, str]:
    """Check a request for an import, in Glance's order.

    :returns: the region that has the data, and the image there.
    :raises kingbird.exception.ImageRequestRejected: with 400, 403 or 409.
    """
    method = body.get("method") if isinstance(body, Mapping) else None
    if not isinstance(method, Mapping) or not isinstance(method.get("name"), str):
        raise refuse(400, "Import request requires a 'method' field.")
    name = method["name"]
    if name not in METHODS:
        raise refuse(400, f"Unknown import method name '{name}'.")
    if name != "glance-download":
        raise AssertionError(f"The double imports by no {name}")
    if "glance_region" not in method or "glance_image_id" not in method:
        raise refuse(400, "Import request requires 'glance_region' and 'glance_image_id'.")
    if not caller.may("member", image["owner"]):
        raise refuse(403, "You are not authorized to complete modify_image action.")
    if name not in methods:
        raise refuse(400, f"Import method '{name}' is not enabled.")
    if image.get(LOCK):
        raise refuse(409, "Image has active task")
    if image["status"] != "queued":
        raise refuse(409, f"Image needs to be in 'queued' state to use '{name}' method")
    for field in ("container_format", "disk_format"):
        if not image[field]:
            raise refuse(409, f"'{field}' needs to be set before import")
    return str(method["glance_region"]), str(method["glance_image_id"])


def accepted(one: Import) -> Image:
    """Return the fields of an image whose import waits."""
    return {LOCK: one.task["id"], FAILED: "", IMPORTING_TO: ""}


def begun() -> Image:
    """Return the fields of an image whose data are being imported."""
    return {"status": "importing", IMPORTING_TO: "files"}


def arrived(source: Image) -> Image:
    """Return the fields of an image whose data have arrived.

    :param source: the image that they come from, whose formats go along.
    """
    formats = {name: source[name] for name in ("disk_format", "container_format")}
    data = {name: source[name] for name in _DATA}
    return {**data, **formats, "status": "active", "stores": "files", IMPORTING_TO: "", FAILED: ""}


def failed(*, late: bool) -> Image:
    """Return the fields of an image whose import has failed."""
    return {"status": "queued", IMPORTING_TO: "", FAILED: "files" if late else ""}
