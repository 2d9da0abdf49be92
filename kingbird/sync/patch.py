"""The PATCH that makes an image follow its source.  Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules

Operation = dict[str, Any]


#: Names that Glance takes for attributes of its own objects in a PATCH.  It then stores nothing,
#: or answers 404 or 500.
_ATTRIBUTES = frozenset(
    {
        "_abc_impl",
        "_format_image_send",
        "_format_import_properties",
        "_get_chunk_data_iterator",
        "base",
        "context",
        "deactivate",
        "delete",
        "extra_properties",
        "get_data",
        "get_payload",
        "get_super_class",
        "helper",
        "image_id",
        "member",
        "notifier",
        "reactivate",
        "repo",
        "send_notification",
        "set_data",
    }
)


#: Glance's defaults of fields that can't be null.
DEFAULTS: dict[str, Any] = {
    "tags": [],
    "min_disk": 0,
    "min_ram": 0,
    "protected": False,
    "os_hidden": False,
}


def can_be_named(name: str) -> bool:
    """Return whether a PATCH can name a property.

    Glance strips blanks off the names in a PATCH, so that a change of ``owner`` with a blank would
    change the owner.
    """
    is_attribute = name in _ATTRIBUTES or (name.startswith("__") and name.endswith("__"))
    return name == name.strip() and not is_attribute


def json_pointer(name: str) -> str:
    """Return the JSON pointer of a field."""
    return f"/{name.replace('~', '~0').replace('/', '~1')}"


def name_of(operation: Operation) -> str:
    """Return the field that an operation is about."""
    path: str = operation["path"]
    return path[1:].replace("~1", "/").replace("~0", "~")


def add_operations(
    record: Record, image: Image, names: Iterable[str]
) -> tuple[list[Operation], list[str]]:
    """Return the operations that give an image a record's fields.

    ``add`` works whether or not a field is there.

    :param names: the fields that differ.
    :returns: the operations, and the fields that can't be changed.
    """
    operations, left = [], []
    for name in names:
        if name == compare.STATUS:
            # Another call changes it.
            continue
        is_fixed = name in fields.FORMATS and image.get("status") != fields.QUEUED
        if is_fixed or not can_be_named(name):
            left.append(name)
        else:
            operations.append(
                {"op": "add", "path": json_pointer(name), "value": _value(record, name)}
            )
    return operations, left


def _value(record: Record, name: str) -> Any:
    """Return a field's value, or Glance's default if the record has none."""
    if name in record:
        return record[name]
    return DEFAULTS.get(name)


def remove_operations(
    record: Record, image: Image, rules: Rules
) -> tuple[list[Operation], list[str]]:
    """Return the operations that remove the properties that only the image has.

    Provenance stays, and so do properties that are not copied.

    :returns: the operations, and the properties that can't be removed.
    """
    extra = compare.extra_fields(record, image, rules)
    return remove(filter(can_be_named, extra)), [name for name in extra if not can_be_named(name)]


def remove(names: Iterable[str]) -> list[Operation]:
    """Return the operations that remove properties, which have to be there."""
    return [{"op": "remove", "path": json_pointer(name)} for name in sorted(names)]


def rebase(
    record: Record, image: Image, names: Iterable[str], before: Collection[Operation]
) -> tuple[list[Operation], list[str]]:
    """Return the operations for an image that changed since they were planned.

    :param names: the fields that differ by now.
    :param before: the planned operations, of which removals that are still possible stay.
    """
    operations, left = add_operations(record, image, names)
    paths = {json_pointer(name) for name, value in image.items() if value is not None}
    operations += [one for one in before if one["op"] == "remove" and one["path"] in paths]
    return operations, left
