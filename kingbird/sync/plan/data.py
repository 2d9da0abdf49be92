"""Plans the data of the copies of a set that asks for them.  Pure: no I/O, no state."""

import dataclasses

from kingbird.states import DataState
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.arrival import is_being_imported, may_be_imported_into
from kingbird.sync.image import Image, Record
from kingbird.sync.item import DATA_FIELDS, IMPORT, ImportSpec, Item

SOURCE_DEACTIVATED = "The source is deactivated, so its data are not imported"
SOURCE_WITHOUT_DATA = "The source has no data to import"
LEFT_ALONE = (
    "It has no data, and is no copy that Kingbird made for this project: none are imported"
)
UPLOADING = frozenset({"saving", "uploading"})


def import_spec(item: Item, source: Image, record: Record, owner: str | None) -> ImportSpec:
    """Return the data that a copy is to get.

    :param item: the copy's item, with what is seen of the image.
    :param record: the record of the copy.
    :param owner: the project that the copy belongs to.
    """
    names = (fields.SOURCE_REGION, fields.SOURCE_ID)
    return ImportSpec(
        data={name: source.get(name) for name in DATA_FIELDS},
        formats={name: source.get(name) for name in sorted(fields.FORMATS)},
        owner=owner,
        marks={name: record[name] for name in names if name in record},
        hidden=bool(record.get("os_hidden")),
        project=item.seen.owner if item.seen else None,
        references=fields.references(source),
    )


def with_work(item: Item, source: Image, image: Image | None, owner: str | None) -> Item:
    """Return an item that has a record to write with what its data need.

    :param image: the copy that is updated; ``None`` if one is created.
    """
    work = item.work
    if work is None or not fields.is_importable(source):
        return _without_data(item, source)
    if image is not None and fields.has_data(image):
        return dataclasses.replace(item, data=DataState.ACTIVE, bytes=image.get("size"))
    spec = import_spec(item, source, work.record, owner)
    work = dataclasses.replace(work, imports=dataclasses.asdict(spec))
    return dataclasses.replace(item, work=work, data=DataState.PENDING, bytes=spec.size)


def with_ended(item: Item, source: Image, image: Image, record: Record, owner: str | None) -> Item:
    """Return the item of a copy that needs no write with what its data need.

    :param item: the item with its outcome.
    :param image: the copy.
    """
    if item.outcome is None or item.outcome.reason not in compare.AGREEING:
        return item
    if not fields.is_importable(source):
        return _without_data(item, source)
    if fields.has_data(image):
        return dataclasses.replace(item, data=DataState.ACTIVE, bytes=image.get("size"))
    spec = import_spec(item, source, record, owner)
    is_coming = is_being_imported(image) or image.get("status") in UPLOADING
    if not is_coming and not may_be_imported_into(spec, image, made_here=False):
        outcome = item.outcome.with_note(LEFT_ALONE)
        return dataclasses.replace(item, data=DataState.NONE, outcome=outcome)
    spec = dataclasses.replace(spec, note=item.outcome.message)
    return dataclasses.replace(
        item,
        action=IMPORT,
        outcome=None,
        target_resource=image["id"],
        data=DataState.PENDING,
        bytes=spec.size,
        imports=spec,
        # Images that it refers to go first.
        rank=int(bool(fields.references(source))),
    )


def settled(item: Item) -> Item:
    """Return an item of a set that asks for data, with the state of its data if it has none yet.

    An item that has ended gets no data.
    """
    has_ended = item.outcome is not None and item.data == DataState.PENDING
    if item.data is None or has_ended:
        return dataclasses.replace(item, data=DataState.NONE)
    return item


def at_home(item: Item, source: Image) -> Item:
    """Return the item of an image in its own region, with the state of its data."""
    if fields.has_data(source):
        return dataclasses.replace(item, data=DataState.ACTIVE, bytes=source.get("size"))
    return dataclasses.replace(item, data=DataState.NONE)


def _without_data(item: Item, source: Image) -> Item:
    note = SOURCE_DEACTIVATED if fields.has_data(source) else SOURCE_WITHOUT_DATA
    return dataclasses.replace(item, data=DataState.NONE).with_note(note)
