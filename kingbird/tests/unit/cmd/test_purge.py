"""Old jobs are purged while others go on."""

from types import SimpleNamespace

from kingbird.cmd import manage
from kingbird.db import api as db


def test_a_job_that_is_tried_again_meanwhile_does_not_end_the_purge(monkeypatch, capsys):
    counts = [2, 1, 2, 0]
    calls = []

    def purge(seconds, limit):
        calls.append((seconds, limit))
        return counts.pop(0)

    monkeypatch.setattr(db.maintenance, "purge", purge)
    manage._db_purge(SimpleNamespace(command=SimpleNamespace(older_than=30, batch=2)))
    assert calls == [(30 * manage.DAY, 2)] * 4
    assert "Deleted 5 job(s)" in capsys.readouterr().out
