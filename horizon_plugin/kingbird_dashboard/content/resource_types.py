"""The types of resources that jobs and rules are about.

The pages that change something are about images.  Namespaces of metadata definitions, which have
names and no ids, are shown where a job or a rule is about them.
"""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

IMAGE = "image"


def is_image(found: dict[str, Any]) -> bool:
    """Return whether a rule, a set, an item or a state is about images."""
    return bool(found.get("resource_type", IMAGE) == IMAGE)


def amount(found: dict[str, Any], resources: Sequence[str], total: int) -> str:
    """Return in words how many resources a rule or a set names.

    :param resources: the first of them, or ``*`` alone for all.
    """
    if resources == ["*"]:
        return _("all images") if is_image(found) else _("all metadata namespaces")
    if is_image(found):
        return ngettext("%d image", "%d images", total) % total
    return ngettext("%d metadata namespace", "%d metadata namespaces", total) % total
