"""The images that the sets of a request name, in chunks.  Pure: no I/O."""

from collections.abc import Iterator, Mapping, Sequence

from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.sync.request import SyncSet

#: An image and a set that names it.
NamedPair = tuple[str, SyncSet]

#: Items of one chunk, all of which a plan has in memory with the images that they are about.
ITEMS = 2000
#: Images of one chunk.
IMAGES = 1000


class NamedImages:
    """The images that some sets name.  All sets that name an image are in the same chunk."""

    def __init__(self, sets: Sequence[SyncSet]) -> None:
        self._sets = sets
        #: The numbers of the sets by image; nearly all images share one tuple.
        self._numbers: dict[str, tuple[int, ...]] = {}
        known: dict[tuple[int, ...], tuple[int, ...]] = {}
        for number, one in enumerate(sets):
            for name in one.resources:
                before = self._numbers.get(name, ())
                if number not in before[-1:]:
                    numbers = (*before, number)
                    self._numbers[name] = known.setdefault(numbers, numbers)

    def sets_of(self, name: str) -> list[SyncSet]:
        """Return the sets that name an image, in their order."""
        return [self._sets[number] for number in self._numbers.get(name, ())]

    def chunks(self) -> Iterator[list[NamedPair]]:
        """Yield images with their sets, in the order of the sets.

        The last chunk but one ends with a full list call.
        """
        names: list[str] = []
        items = 0
        for name, numbers in self._numbers.items():
            names.append(name)
            items += sum(len(self._sets[number].targets) for number in numbers)
            is_full = items >= ITEMS or len(names) >= IMAGES
            if is_full and len(names) % IDS_PER_CALL == 0:
                yield self._pairs(names)
                names, items = [], 0
        if names:
            yield self._pairs(names)

    def _pairs(self, names: Sequence[str]) -> list[NamedPair]:
        numbered = [(number, name) for name in names for number in self._numbers[name]]
        numbered.sort(key=lambda pair: pair[0])
        return [(name, self._sets[number]) for number, name in numbered]


class Chunk:
    """The images of a chunk that are left to plan, and the sets of others that belong to them.

    :param limited: the sets that are limited to targets without an item, by the request's sets.
    """

    def __init__(
        self,
        named: NamedImages,
        pairs: Sequence[NamedPair],
        limited: Mapping[SyncSet, SyncSet],
    ) -> None:
        self.pairs = pairs
        self.names = {name for name, _ in pairs}
        self._named = named
        self._limited = limited

    def sets_of(self, name: str) -> list[SyncSet]:
        """Return the sets that name an image, which may be of another chunk."""
        return [self._limited.get(one, one) for one in self._named.sets_of(name)]
