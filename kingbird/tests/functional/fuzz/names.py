"""Puts real names into valid requests, so that more responses than 400 and 404 occur.

A made-up region is never known, and a made-up id does not exist.  Invalid values stay as they are.
The chosen name depends on the request alone, so the same seed makes the same requests.
"""

import random
import zlib
from typing import Any
from urllib.parse import quote

from kingbird.tests.functional.fuzz.scene import Scene

#: Characters of a list in a query, as they are sent.  A request line may have 4,094.
LIST = 1_500
#: Characters of a character in a query.
_LONGEST = 12


def _dice(*of: Any) -> random.Random:
    return random.Random(zlib.crc32(repr(of).encode()))


def _length(values: list[Any]) -> int:
    return sum(len(quote(str(one), errors="replace")) + 1 for one in values)


class Names:
    """Chooses names and remembers accepted jobs.

    :ivar jobs: the ids of the caller's jobs, the newest last.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.jobs: list[str] = []

    def path(self, parameters: dict[str, Any], *others: Any) -> None:
        """Change the parameters of a valid path.

        :param others: the other parts of the request.  Most requests have one made-up project,
            and are not all to get the same one in its place.
        """
        if "project_id" in parameters:
            dice = _dice(parameters["project_id"], *others)
            parameters["project_id"] = dice.choices(
                [self._scene.project, self._scene.foreign_project, parameters["project_id"]],
                [40, 2, 1],
            )[0]
        job = parameters.get("job_id")
        # Keep a name that a link has set.
        if job is not None and job not in self.jobs:
            dice = _dice(job)
            pools = [self.jobs[-8:] or [job], self._scene.foreign_jobs, [job]]
            parameters["job_id"] = dice.choice(dice.choices(pools, [12, 3, 1])[0])

    def query(self, parameters: dict[str, Any]) -> None:
        """Change the parameters of a valid query."""
        marker = parameters.get("marker")
        if isinstance(marker, str) and self.jobs:
            dice = _dice(marker)
            pools = [self.jobs[-8:], self._scene.foreign_jobs, [marker]]
            parameters["marker"] = dice.choice(dice.choices(pools, [4, 1, 1])[0])

    def fit(self, parameters: dict[str, Any], *, is_valid: bool) -> None:
        """Shorten a query that no request line holds.

        A refusal by the web server says nothing about the API.

        :param is_valid: whether the query is valid; one that is not stays so.
        """
        is_long = False
        for name, value in parameters.items():
            while isinstance(value, list) and len(value) > 1 and _length(value) > LIST:
                value.pop()
                is_long = True
            one = value[0] if isinstance(value, list) and value else value
            if isinstance(one, str) and _length([one]) > LIST:
                short = one[: LIST // _LONGEST]
                parameters[name] = [short] if isinstance(value, list) else short
                is_long = True
        if is_long and not is_valid:
            parameters["limit"] = "no number"

    def body(self, body: Any) -> None:
        """Change a valid body of a job request."""
        if not isinstance(body, dict) or not isinstance(body.get("resource_set"), dict):
            return
        given = body["resource_set"]
        for each in given.get("Sync", [given]):
            self._set(each)

    def _set(self, each: dict[str, Any]) -> None:
        dice = _dice(each)
        if dice.randrange(20) == 0:
            return
        if each["resources"] != ["*"]:
            most = len(self._scene.images)
            count = dice.randint(1, min(most, len(each["resources"])))
            each["resources"] = dice.sample(self._scene.images, count)
        first, *others = self._scene.regions
        if each["source"] != "*":
            count = dice.choice([1, 1, 1, len(others)])
            each["source"] = first if count == 1 else [first, *dice.sample(others, count - 1)]
        if each["target"] not in ("*", ["*"]):
            each["target"] = dice.sample(others, dice.randint(1, len(others)))
