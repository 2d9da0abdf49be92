"""Claim no work while Keystone is away.

Every claim begins with a token.  Without the gate an engine would claim all work that waits, one
piece after the other, only to hand it back.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kingbird import exception
from kingbird.clients.keystone import Keystone

LOG = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class KeystoneGate:
    """Tell whether work may be claimed.

    Work that could get no token closes the gate, and the next token for the service user opens it.
    That token is asked for before the next claim, so one job that Keystone has trouble with holds
    no other job up.

    :ivar interval: returns the seconds between two tries.
    """

    keystone: Keystone
    interval: Callable[[], float]
    clock: Callable[[], float] = time.monotonic
    _is_closed: bool = field(default=False, init=False)
    _is_away: bool = field(default=False, init=False)
    _next_try: float = field(default=0.0, init=False)

    def close(self) -> None:
        """Close the gate: Keystone gave no answer to somebody."""
        self._is_closed = True

    def is_open(self) -> bool:
        """Return whether work may be claimed; ask Keystone if that is due.

        Only one thread calls this.
        """
        if not self._is_closed:
            return True
        if self._is_away and self.clock() < self._next_try:
            return False
        # Work that closes the gate during the try closes it for the next claim.
        self._is_closed = False
        try:
            self.keystone.try_token()
        except exception.KeystoneUnavailable as error:
            self._is_closed = True
            self._next_try = self.clock() + self.interval()
            if not self._is_away:
                LOG.warning("No work is claimed until Keystone is back: %s", error.message)
            self._is_away = True
            return False
        if self._is_away:
            LOG.info("Keystone is back, work is claimed again")
        self._is_away = False
        return True
