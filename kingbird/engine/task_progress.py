"""How the work on a task goes: what its region answers, and what ends the work early."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kingbird import exception
from kingbird.db import api as db
from kingbird.states import Reason
from kingbird.sync.outcome import Outcome

#: Items that are kept back at most; the outcomes of others stand.
MOST_KEPT_BACK = 100


@dataclass
class TaskProgress:
    """The progress of a task that an engine works on.

    An item whose region gave no answer after all retries tells nothing by itself: the region may
    be away, or fail for that item alone.  So it is kept back, and tried once more when the region
    answers.  If the region's breaker opens, or the region does not answer a look at it, then the
    region is away: the items stay as they are, and the task pauses.

    :ivar is_patient: whether tasks wait for a region that is away.
    :ivar is_left_alone: returns whether the region's breaker is open.
    :ivar is_away: whether the region is away.
    :ivar keystone: a token could not be renewed, so the task is postponed.
    :ivar refused: items that Keystone gave no token for, so the task ends: the others would ask
        Keystone one after the other.
    """

    is_patient: bool
    is_left_alone: Callable[[], bool]
    is_away: bool = False
    keystone: exception.KeystoneUnavailable | None = None
    refused: list[tuple[db.Item, Outcome]] = field(default_factory=list)
    _kept_back: list[db.Item] = field(default_factory=list)
    _is_second_try: bool = False
    _has_answered: bool = False

    @property
    def is_over(self) -> bool:
        """True if no further item may begin."""
        return self.is_away or self.keystone is not None or bool(self.refused)

    @property
    def refusal(self) -> exception.CredentialsLost | None:
        """The error of a token that was refused, if one was."""
        if not self.refused:
            return None
        return exception.CredentialsLost(self.refused[0][1].message or "Keystone gives no token")

    def stands(self, item: db.Item, outcome: Outcome) -> bool:
        """Return whether an outcome is the item's, and note what it tells."""
        if outcome.is_without_token:
            self.refused.append((item, outcome))
            return False
        if outcome.reason != Reason.REGION_UNAVAILABLE:
            self._has_answered |= outcome.region_contacted
            return True
        if not (self.is_patient and outcome.region_contacted):
            return True
        if self.is_left_alone():
            self.is_away = True
            return False
        if self._is_second_try or len(self._kept_back) >= MOST_KEPT_BACK:
            return True
        self._kept_back.append(item)
        return False

    @property
    def has_kept_back(self) -> bool:
        """True if some items are to be tried once more."""
        return bool(self._kept_back)

    def second_tries(self) -> list[db.Item]:
        """Return the items to try once more; what becomes of them then is their outcome."""
        items, self._kept_back = self._kept_back, []
        self._is_second_try = True
        return items

    def begin_group(self) -> None:
        """Begin with items that have not been tried."""
        self._is_second_try = False

    def take_answer(self) -> bool:
        """Return whether the region has answered the write of an item since the last call."""
        has_answered, self._has_answered = self._has_answered, False
        return has_answered
