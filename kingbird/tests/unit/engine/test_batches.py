"""Outcomes are written in batches: transactions are counted."""

import pytest

from kingbird.db import api as db
from kingbird.engine import worker


@pytest.fixture
def written(monkeypatch):
    """Give the sizes of the batches of outcomes that transactions write."""
    sizes = []
    for name in ("record", "end_task"):
        plain = getattr(db.outcomes, name)

        def counted(claim, outcomes=(), plain=plain, **kwargs):
            sizes.append(len(outcomes))
            return plain(claim, outcomes, **kwargs)

        monkeypatch.setattr(db.outcomes, name, counted)
    return sizes


def test_outcomes_are_written_a_hundred_at_a_time(scene, written, monkeypatch):
    monkeypatch.setattr(worker, "FLUSH_SECONDS", 3600)
    job_id = scene.job(*(scene.image() for _ in range(120)), targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    first, last = written
    assert worker.FLUSH <= first < worker.FLUSH + scene.conf.sync.region_concurrency * 3
    assert first + last == 120


def test_outcomes_do_not_wait_for_a_batch_to_be_full(scene, written, monkeypatch):
    """A user sees what is done, and a crash loses no more than the last moments."""
    monkeypatch.setattr(worker, "FLUSH_SECONDS", 0)
    job_id = scene.job(*(scene.image() for _ in range(40)), targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert len(written) > 2
    assert sum(written) == 40
