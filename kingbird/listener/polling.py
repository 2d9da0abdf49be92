"""Ask a region without a message broker for what has changed.

Deletions are not seen, nor are members.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from oslo_config import cfg

from kingbird import events, exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import list_query, with_ids
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.listener.consumer import make_full_runs_due
from kingbird.listener.events import Event
from kingbird.listener.health import Hearing

LOG = logging.getLogger(__name__)

#: Seconds by which each question reaches back behind the newest change that is known.  A change
#: gets its time before it is committed, and the clocks of a region's hosts may differ.
OVERLAP = timedelta(seconds=30)
#: Seconds by which the first question reaches back behind this host's clock.
FIRST_OVERLAP = timedelta(seconds=60)
#: The form of Glance's times.
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(eq=False, repr=False)
class Poller:
    """The questions to one region, with the service user's rights.

    :ivar write: writes the marks of events; False if the listener stops.
    """

    conf: cfg.ConfigOpts
    region: str
    keystone: Keystone
    clients: ImageClientFactory
    write: Callable[[Sequence[Event]], bool]
    hearing: Hearing
    stopping: threading.Event
    #: The state of each image in the last answer.
    _known: dict[str, str] = field(default_factory=dict, init=False)
    _is_away: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._since = datetime.now(UTC) - FIRST_OVERLAP
        #: Changes before the start are not known.
        self._lossy = {self.region}

    def run(self) -> None:
        """Ask until the listener stops."""
        while not self.stopping.is_set():
            try:
                self.ask()
            except exception.KingbirdError as error:
                self._note_away(error.message)
            except Exception as error:
                if not self._is_away:
                    LOG.exception("Unable to poll %s", self.region)
                self._note_away(type(error).__name__)
            make_full_runs_due(self._lossy)
            self.stopping.wait(self.conf.listener.poll_interval)

    def ask(self) -> None:
        """Write the marks of the images that have changed since the last call.

        :raises kingbird.exception.KingbirdError: Keystone or the region can't be asked.
        """
        client = self._client()
        found = {image["id"]: image for image in self._changed(client)}
        states = {image_id: _state(image) for image_id, image in found.items()}
        new = [image for name, image in found.items() if states[name] != self._known.get(name)]
        self.hearing.connected([self.region], True)
        self.hearing.heard(self.region)
        self._is_away = False
        for _ in new:
            events.emit(events.NotificationHeard(self.region))
        heard = [Event(self.region, image["id"].lower(), False, image) for image in new]
        if heard and not self.write(heard):
            return
        self._known = states
        self._since = max([self._since, *(time - OVERLAP for time in _times(found.values()))])

    def _client(self) -> ImageClient:
        with self.keystone.own_credentials() as auth:
            urls = self.keystone.regions(auth)
            if self.region not in urls:
                raise exception.RegionUnavailable(
                    f"The catalog has no image service in region {self.region}"
                )
            url = {self.region: urls[self.region]}
            return self.clients.clients_for(url, auth)[self.region]

    def _changed(self, client: ImageClient) -> Iterator[dict[str, Any]]:
        filters = [("updated_at", f"gte:{self._since.strftime(_FORMAT)}")]
        for hidden in (False, True):
            marker: str | None = None
            while not self.stopping.is_set():
                page = client.fetch_page(list_query(hidden=hidden, marker=marker, filters=filters))
                yield from with_ids(client.parse_page(page))
                following = client.next_marker(page)
                if following is None:
                    break
                if following == marker:
                    raise client.no_progress()
                marker = following

    def _note_away(self, reason: str) -> None:
        if not self._is_away:
            LOG.warning("Unable to poll %s: %s", self.region, reason)
        self._is_away = True
        self.hearing.connected([self.region], False)


def _state(image: dict[str, Any]) -> str:
    """Return a text that differs if anything about an image does."""
    text = json.dumps(image, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def _times(images: Any) -> Iterator[datetime]:
    """Return when images were changed; one with an odd time is left out."""
    for image in images:
        try:
            yield datetime.strptime(image.get("updated_at") or "", _FORMAT).replace(tzinfo=UTC)
        except ValueError:
            continue
