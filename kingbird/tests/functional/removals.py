"""Images that vanish and appear while their region is listed."""

import random
import threading
from collections.abc import Callable

from kingbird.tests.functional.list_calls import is_walk
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.proxy import Answer, Call, capped

#: Images in a page.  A few dozen images make many pages.
PAGE = 5


class Removals:
    """A fault that shortens pages and changes images between two of them.

    :param owner: the owner of the images.
    :param stranger: an admin, who gives images to another project.
    :param ids: the images of the region that may go.
    :ivar gone: images that were deleted or given away.
    :ivar came: images that were made.
    """

    def __init__(
        self, region: str, owner: Person, stranger: Person, ids: set[str], rng: random.Random
    ) -> None:
        self.gone: set[str] = set()
        self.came: set[str] = set()
        self.markers = 0
        self._region = region
        self._owner = owner
        self._stranger = stranger
        self._ids = ids
        self._rng = rng
        self._lock = threading.Lock()

    def __call__(self, call: Call, forward: Callable[[Call], Answer]) -> Answer:
        if not is_walk(call):
            return forward(call)
        marker = call.query.get("marker")
        if marker is not None:
            with self._lock:
                self._disturb(marker)
        return forward(capped(call, PAGE))

    def _disturb(self, marker: str) -> None:
        """Remove the marker, or images before or after it, or make an image."""
        left = sorted(self._ids - self.gone)
        if not left:
            return
        before = [name for name in left if name < marker]
        choice = self._rng.random()
        going: list[str] = []
        if choice < 0.4:
            going = [name for name in (marker,) if name in left]
        elif choice < 0.55:
            # Remove images before the marker too, so that stepping back may find no image either.
            going = [
                name for name in (*before[-self._rng.randint(1, 8) :], marker) if name in left
            ]
        elif choice < 0.65:
            going = [self._rng.choice(left)]
        elif choice < 0.8:
            image = self._owner.make(self._region, name=unique("came"), visibility="private")
            self.came.add(image["id"])
        if marker in going:
            self.markers += 1
        for image_id in going:
            self._remove(image_id)

    def _remove(self, image_id: str) -> None:
        self.gone.add(image_id)
        if self._rng.random() < 0.7:
            self._owner.delete(self._region, image_id)
            return
        owner = [
            {"op": "replace", "path": "/visibility", "value": "private"},
            {"op": "replace", "path": "/owner", "value": self._stranger.project_id},
        ]
        self._stranger.images(self._region).update(image_id, owner)
