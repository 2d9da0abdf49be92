"""Tell which names of regions can be used.  Keystone allows more."""

from kingbird.states import ALL
from kingbird.text import CONTROL

#: The maximum length of a region's name in Keystone and in Kingbird's tables.
MAX_REGION = 255


def problem_of(region: str | None) -> str:
    """Return why a region's name cannot be used, or an empty text."""
    if not region:
        return "it has no region"
    if region == ALL:
        return "no region can be named *, which stands for all regions"
    if len(region) > MAX_REGION:
        return f"the region's name is longer than {MAX_REGION} characters"
    if CONTROL.search(region):
        return "the region's name holds control characters"
    if region != region.rstrip():
        # MariaDB ignores trailing blanks, so the name could be another region's.
        return "the region's name ends in blanks"
    return ""
