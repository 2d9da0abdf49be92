"""Poll at growing intervals, and survive a short outage of the API."""

from typing import Any
from unittest import mock

import pytest
from keystoneauth1 import exceptions as ksa_exceptions

from kingbird.osc import wait
from kingbird.osc.client import ApiError, SeenJob

RUNNING, ENDED = {"sync_status": "IN_PROGRESS"}, {"sync_status": "SUCCESS"}


class Scripted:
    """An API with given answers or errors, and a clock that only sleeping moves."""

    def __init__(self, *answers: Any, after: Any = None) -> None:
        self._answers = list(answers)
        self._after = after
        self.pauses: list[float] = []
        self.seen: list[Any] = []

    def poll(self, job_id: str, seen: SeenJob | None) -> SeenJob:
        answer = self._answers.pop(0) if self._answers else self._after
        if isinstance(answer, Exception):
            raise answer
        return SeenJob(answer, None)

    def wait(self, timeout: float | None = None) -> Any:
        clock = mock.Mock(sleep=self.pauses.append, monotonic=lambda: sum(self.pauses))
        with mock.patch.object(wait, "time", clock):
            return wait.wait_for_end(
                self,  # type: ignore[arg-type]
                "job",
                self.seen.append,
                timeout,
            )


def test_pauses_grow_to_a_few_seconds() -> None:
    script = Scripted(*[RUNNING] * 20, ENDED)
    assert script.wait() == ENDED
    assert script.pauses[0] == wait.FIRST_PAUSE
    assert script.pauses == sorted(script.pauses)
    assert script.pauses[-1] == wait.LONGEST_PAUSE
    assert len(script.seen) == 21


def test_the_time_is_over() -> None:
    script = Scripted(after=RUNNING)
    assert script.wait(timeout=10) == RUNNING
    assert 10 <= sum(script.pauses) < 10.1


@pytest.mark.parametrize(
    "error", [ApiError(503, "Away"), ApiError(429, "Slowly"), ksa_exceptions.ConnectFailure("No")]
)
def test_an_api_that_is_away_comes_back(error: Exception) -> None:
    script = Scripted(RUNNING, error, error, RUNNING, error, ENDED)
    assert script.wait() == ENDED
    gone = Scripted(RUNNING, after=error)
    with pytest.raises(type(error)):
        gone.wait()
    assert (
        wait.API_OUTAGE_LIMIT <= sum(gone.pauses) < wait.API_OUTAGE_LIMIT + 2 * wait.LONGEST_PAUSE
    )


@pytest.mark.parametrize("error", [ApiError(404, "No job"), ksa_exceptions.Unauthorized("No")])
def test_what_does_not_pass_is_raised_at_once(error: Exception) -> None:
    script = Scripted(RUNNING, error, ENDED)
    with pytest.raises(type(error)):
        script.wait()
