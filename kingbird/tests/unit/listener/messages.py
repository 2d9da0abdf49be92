"""Messages in the form of Glance's notifications, and rules that hear of them."""

import uuid
from types import SimpleNamespace
from typing import Any

from kingbird.tests.unit.db.rows import sync_set

OWNER = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def payload(image_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return the payload of a message about an active image, as ``glance.notifier`` makes it."""
    return {
        "id": image_id or str(uuid.uuid4()),
        "name": "cirros",
        "status": "active",
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:06Z",
        "min_disk": 0,
        "min_ram": 0,
        "protected": False,
        "checksum": "0" * 32,
        "owner": OWNER,
        "disk_format": "raw",
        "container_format": "bare",
        "size": 4,
        "virtual_size": None,
        "is_public": False,
        "visibility": "shared",
        "properties": {},
        "tags": [],
        "deleted": False,
        "deleted_at": None,
        **fields,
    }


def rule(
    pk: int = 1,
    *,
    resources: tuple[str, ...] = ("*",),
    sources: tuple[str, ...] = ("R1",),
    targets: tuple[str, ...] = ("*",),
    project_id: str = OWNER,
    is_admin: bool = False,
    **options: Any,
) -> Any:
    """Return the columns of a rule that decide what it hears of."""
    return SimpleNamespace(
        pk=pk,
        id=f"rule-{pk}",
        project_id=project_id,
        is_admin=is_admin,
        sync_set=sync_set(resources, sources, targets, **options),
    )
