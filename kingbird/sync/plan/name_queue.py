"""Holds records to create until their names fill a call of their target.

A walk stores what it finds a few hundred images at a time, of which few may lack a record in each
of many targets.  One call has room for a hundred names.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from kingbird.clients.image_lists import names_with_room
from kingbird.sync.item import Item
from kingbird.sync.plan.same_name import ItemOfSet, name_to_look_up

#: Items that are held at most.
HELD = 1000


class NameQueue:
    """Items whose names are not looked up yet.  Those of one name stay in their order.

    Nothing tells the database of them, so whoever stores a stretch of their images has to say
    which of them are held.
    """

    def __init__(self) -> None:
        #: Items with their names.
        self._held: list[tuple[str, ItemOfSet]] = []

    @property
    def held(self) -> Iterator[Item]:
        """Yield the items that are held."""
        return (item for _, (_, item) in self._held)

    def pass_on(self, planned: Sequence[ItemOfSet]) -> list[ItemOfSet]:
        """Take planned items, and return those that are not to be held, and no more to be held.

        These have names that fill calls, or none to look up.
        """
        ready: list[ItemOfSet] = []
        named = [*self._held]
        for one in planned:
            name = name_to_look_up(*one)
            if name is None:
                ready.append(one)
            else:
                named.append((name, one))
        kept = _names_to_hold(named)
        self._held = []
        for name, one in named:
            if name in kept.get(one[1].target_region, ()):
                self._held.append((name, one))
            else:
                ready.append(one)
        return ready

    def take_all(self) -> list[ItemOfSet]:
        """Return the items that are held, and hold them no more."""
        held, self._held = self._held, []
        return [one for _, one in held]


def _names_to_hold(named: Sequence[tuple[str, ItemOfSet]]) -> dict[str, set[str]]:
    """Return the names, by region, that leave room in a call for others."""
    names: dict[str, set[str]] = {}
    for name, (_, item) in named:
        names.setdefault(item.target_region, set()).add(name)
    kept = {region: set(names_with_room(sorted(some))) for region, some in names.items()}
    numbers = Counter(
        item.target_region for name, (_, item) in named if name in kept[item.target_region]
    )
    total = numbers.total()
    for region, number in numbers.most_common():
        if total <= HELD:
            break
        # The calls that are nearest to full cost the least.
        del kept[region]
        total -= number
    return kept
