"""Limit the version of messages by the engines that are alive or by configuration."""

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.rpc import version_cap

#: The version of this release here, so that there is one below it.
NEWEST = "1.1"


def beat(name, rpc_version=NEWEST):
    db.engines.heartbeat(name, host="h", pid=1, version="1", rpc_version=rpc_version)


@pytest.fixture
def level(database, monkeypatch):
    """Give the level of a database without engines, which looks each time."""
    monkeypatch.setattr(version_cap, "VERSION", NEWEST)
    monkeypatch.setattr(version_cap, "CACHE_TTL", -1)
    return version_cap.VersionCap(database)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({"1.10"}, "1.10"),
        ({"1.10", "1.0"}, "1.0"),
        # By number, not by letter; and never more than this release can say.
        ({"1.10", "1.9"}, "1.9"),
        ({"1.11", "2.0"}, "1.10"),
    ],
)
def test_the_oldest_counts(versions, expected, monkeypatch):
    monkeypatch.setattr(version_cap, "VERSION", "1.10")
    assert version_cap.min_version(versions) == expected


def test_engines_come_and_go(level, database):
    assert level.get() == version_cap.BASE_VERSION
    beat("new")
    assert level.get() == NEWEST
    beat("old", version_cap.BASE_VERSION)
    assert level.get() == version_cap.BASE_VERSION
    with db.get_engine().begin() as bind:
        silence = 1000 * db.engines.heartbeat_timeout(database)
        bind.execute(
            sa.update(db.Engine).where(db.Engine.id == "old").values(seen=db.Engine.seen - silence)
        )
    assert level.get() == NEWEST


def test_it_is_asked_for_now_and_then(level, monkeypatch):
    beat("new")
    monkeypatch.setattr(version_cap, "CACHE_TTL", 1000)
    assert level.get() == NEWEST
    beat("old", version_cap.BASE_VERSION)
    assert level.get() == NEWEST
    monkeypatch.setattr(version_cap, "CACHE_TTL", -1)
    assert level.get() == version_cap.BASE_VERSION


def test_the_first_engine_counts_at_once(level, monkeypatch):
    monkeypatch.setattr(version_cap, "CACHE_TTL", 1000)
    assert level.get() == version_cap.BASE_VERSION
    beat("new")
    assert level.get() == NEWEST


def test_a_version_that_is_configured(level, database):
    beat("new")
    database.set_override("engine", "1.0", group="upgrade_levels")
    assert level.get() == "1.0"
    # SIGHUP changes it.
    database.set_override("engine", "auto", group="upgrade_levels")
    assert level.get() == NEWEST


@pytest.mark.parametrize("version", ["newest", "1", "2026.1.1", ""])
def test_only_versions_are_taken(conf, version):
    with pytest.raises(ValueError, match=r"[Vv]alue"):
        conf.set_override("engine", version, group="upgrade_levels")


def test_a_database_that_is_away_changes_nothing(level, database):
    beat("new")
    assert level.get() == NEWEST
    with db.get_engine().begin() as bind:
        bind.exec_driver_sql("ALTER TABLE engines RENAME TO elsewhere")
    assert level.get() == NEWEST
    assert version_cap.VersionCap(database).get() == version_cap.BASE_VERSION
