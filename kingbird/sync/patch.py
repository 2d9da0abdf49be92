"""The PATCH that makes an image follow its source.  Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules

Operation = dict[str, Any]

#: Glance refuses to change these on an image that has data.
FORMATS = frozenset({"disk_format", "container_format"})


def json_pointer(name: str) -> str:
    """Return the JSON pointer of a field."""
    return f"/{name.replace('~', '~0').replace('/', '~1')}"


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
        if name in FORMATS and fields.has_data(image):
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
    return {"tags": [], "min_disk": 0, "min_ram": 0, "protected": False, "os_hidden": False}.get(
        name
    )


def remove_operations(record: Record, image: Image, rules: Rules) -> list[Operation]:
    """Return the operations that remove the properties that only the image has.

    Provenance stays, and so do properties that are not copied.
    """
    extra = compare.extra_fields(record, image, rules)
    return [{"op": "remove", "path": json_pointer(name)} for name in extra]


def rebase(
    record: Record, image: Image, before: Collection[Operation]
) -> tuple[list[Operation], list[str]]:
    """Return the operations for an image that changed since they were planned.

    :param before: the planned operations, of which removals that are still possible stay.
    """
    operations, left = add_operations(record, image, compare.differing_fields(record, image))
    paths = {json_pointer(name) for name, value in image.items() if value is not None}
    operations += [one for one in before if one["op"] == "remove" and one["path"] in paths]
    return operations, left
