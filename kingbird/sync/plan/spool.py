"""A queue on disk for images that can be planned only after the walk."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from kingbird import lenient_json
from kingbird.sync.image import Image

#: Bytes that are kept in memory.
IN_MEMORY = 1 << 20


@dataclass(frozen=True)
class Deferred:
    """An image in one target region that is planned after the walk.

    :ivar index: which of the sets it is planned for.
    :ivar copy: the image that has its id in the target.
    :ivar needs_item: whether it gets an item if it is not in sync.
    """

    index: int
    source_region: str
    source: Image
    target: str
    copy: Image | None
    needs_item: bool = True


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
        row = [one.index, one.source_region, one.source, one.target, one.copy, one.needs_item]
        self._file.write(lenient_json.dumps(row) + b"\n")

    def __iter__(self) -> Iterator[Deferred]:
        self._file.seek(0)
        for line in self._file:
            yield Deferred(*lenient_json.loads(line))
