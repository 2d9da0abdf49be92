"""A queue on disk for images that can be planned only after the walk."""

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from kingbird import lenient_json
from kingbird.sync.image import Image

#: Images that are decided at a time.
BATCH = 100
#: Bytes that are kept in memory.
IN_MEMORY = 1 << 20


@dataclass(frozen=True)
class Deferred:
    """An image in one target region that is planned after the walk.

    :ivar index: which of the sets it is planned for.
    :ivar copy: the image that has its id in the target.
    :ivar needs_item: whether it gets an item if it is not in sync.
    :ivar several_sets: whether several sets select it for the target.
    :ivar doubtful: source regions that could not be asked, and may have a better source.
    """

    index: int
    source_region: str
    source: Image
    target: str
    copy: Image | None
    needs_item: bool = True
    several_sets: bool = False
    doubtful: Sequence[str] = ()


class DeferredSpool:
    """A queue of :class:`Deferred`, as JSON in a temporary file.  Use it as a context.

    :ivar ids: the ids of its images, in lower case.
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115

    def __enter__(self) -> "DeferredSpool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def put(self, one: Deferred) -> None:
        """Add one to the end."""
        self.ids.add(one.source["id"].lower())
        row = [getattr(one, each.name) for each in dataclasses.fields(one)]
        self._file.write(lenient_json.dumps(row) + b"\n")

    def __iter__(self) -> Iterator[Deferred]:
        self._file.seek(0)
        for line in self._file:
            yield Deferred(*lenient_json.loads(line))
