"""The PATCH that makes an image follow its source.  Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules

Operation = dict[str, Any]


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
        if name in fields.FORMATS and image.get("status") != fields.QUEUED:
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
    return remove(compare.extra_fields(record, image, rules))


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
