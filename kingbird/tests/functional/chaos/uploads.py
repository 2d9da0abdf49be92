"""Images that somebody uploads while a fault happens."""

import itertools
import threading
from typing import Any, Self

from kingbird.tests.functional.chaos.settings import PATIENCE
from kingbird.tests.functional.chaos.world import REAL
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

#: Seconds between two uploads.
PAUSE = 0.2


class Uploads:
    """Upload images in one region after another, until the block ends.

    :param most: the number after which no more are uploaded.
    :ivar made: the region of each image, by its id.
    """

    def __init__(self, person: Person, most: int) -> None:
        self._person = person
        self._most = most
        self.made: dict[str, str] = {}
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def wait_for(self, more: int) -> None:
        """Wait until some more images are there, or all."""
        wanted = min(len(self.made) + more, self._most)

        def look() -> bool:
            if self._error is not None:
                raise AssertionError("An upload failed") from self._error
            return len(self.made) >= wanted

        eventually(f"{wanted} images are uploaded", look, seconds=PATIENCE)

    def _run(self) -> None:
        regions = itertools.cycle(REAL)
        while len(self.made) < self._most and not self._ended.wait(PAUSE):
            region = next(regions)
            try:
                image = self._upload(region, len(self.made))
            except Exception as error:
                self._error = error
                return
            self.made[image["id"]] = region

    def _upload(self, region: str, number: int) -> Any:
        return self._person.make(
            region,
            b"some data",
            tags=["chaos", f"number-{number % 2}"],
            visibility=("private", "shared", "community")[number % 3],
            min_ram=64 * (number % 3),
            os_distro="debian",
        )
