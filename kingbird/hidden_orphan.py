"""A copy that Kingbird has hidden as an orphan."""

from typing import NamedTuple


class HiddenOrphan(NamedTuple):
    """An orphan that Kingbird has hidden.

    :ivar updated_at: the time of its last change, as Glance answered the hiding PATCH.
    :ivar seconds: the time since then, by the database's clock.
    """

    updated_at: str
    seconds: float
