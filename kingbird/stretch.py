"""A stretch of ids that a walk of regions has compared."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """Images that a walk has compared: those without a finding are in order, or gone.

    :ivar first: the first id.
    :ivar end: the id after the last one.
    :ivar sources: the source regions that were listed completely.
    :ivar targets: the target regions that were listed completely.
    :ivar all_projects: whether images of every project were compared.
    :ivar ids: the only ids that were compared, or ``None`` for all.
    :ivar undecided: ids and regions about which the walk decides later.
    :ivar awaited: images, regions and projects of findings that are stored with a later stretch.
    """

    first: str
    end: str
    sources: Sequence[str]
    targets: Sequence[str]
    all_projects: bool
    ids: Collection[str] | None = None
    undecided: Collection[tuple[str, str]] = ()
    awaited: Collection[tuple[str, str, str]] = ()
