"""Make the sets of a request out of what a user points at."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

#: The options of a request besides its images and regions, by the action's word.
OPTIONS: dict[str, dict[str, Any]] = {
    "copy": {},
    "update": {"on_drift": "update"},
    "force": {"force": True},
    "data": {"data": "import"},
}
#: The most images of a request, below Kingbird's own limit.
MAX_IMAGES = 1000
#: The most sets of a request.
MAX_SETS = 20


def for_cell(word: str, image: str, source: str, region: str) -> dict[str, Any]:
    """Return the set of a preview that is about one image in one region."""
    return {**_set([image], source, [region]), **OPTIONS[word]}


def to_bring_in_order(
    images: Iterable[dict[str, Any]], *, update: bool, with_data: bool
) -> list[dict[str, Any]]:
    """Return the sets of a preview that brings images in order.

    :param images: images of the state, with their cells.
    :param update: whether copies that differ get the source's values.
    :param with_data: whether records get their data.
    """
    states = {"missing"} | ({"drift"} if update else set()) | ({"no_data"} if with_data else set())
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for image in images:
        regions = [name for name, cell in image["cells"].items() if cell["state"] in states]
        if regions:
            groups[image["source_region"], tuple(sorted(regions))].append(image["id"])
    options = {**(OPTIONS["update"] if update else {}), **(OPTIONS["data"] if with_data else {})}
    largest = sorted(groups.items(), key=lambda group: -len(group[1]))[:MAX_SETS]
    return [{**_set(ids, source, list(regions)), **options} for (source, regions), ids in largest]


def _set(images: list[str], source: str, regions: list[str]) -> dict[str, Any]:
    return {
        "resource_type": "image",
        "resources": images,
        "source": source,
        "target": regions,
        "dry_run": True,
    }
