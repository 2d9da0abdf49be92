"""Count the statements of an idle Kingbird with many rules."""

import time
import uuid
from collections.abc import Iterator

import sqlalchemy as sa

from benchmarks.counting import Counted
from benchmarks.rule_scene import Scene, scene
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.db.clock import now_ms
from kingbird.db.models import Rule

RULES, INTERVAL = 1000, 3600
#: Statements a second.
AT_MOST = 20


def _multiply(idle: Scene, rule_id: str) -> None:
    """Add copies of a rule, with the same trust, until there are enough of them."""
    engine = sa.create_engine(idle.kingbird.deployment.database_url)
    with engine.begin() as connection:
        found = connection.execute(sa.select(Rule.__table__).where(Rule.id == rule_id))
        row = dict(found.mappings().one())
        del row["pk"]
        connection.execute(
            sa.insert(Rule),
            [{**row, "id": str(uuid.uuid4()), "name": f"rule {n}"} for n in range(1, RULES)],
        )
    engine.dispose()


def _spread(idle: Scene, first: float) -> None:
    """Let full runs be due at even distances, one interval long.

    :param first: seconds until the first.
    """
    engine = sa.create_engine(idle.kingbird.deployment.database_url)
    with engine.begin() as connection:
        keys = connection.scalars(sa.select(Rule.pk).order_by(Rule.pk)).all()
        for position, pk in enumerate(keys):
            after = 1000 * (first + INTERVAL * position / len(keys))
            connection.execute(
                sa.update(Rule).where(Rule.pk == pk).values(next_run=now_ms() + int(after))
            )
    engine.dispose()


def _asked(idle: Scene, seconds: float) -> tuple[Counted, Counted]:
    """Return what engine and listener ask in a time."""
    before = idle.spent()
    time.sleep(seconds)
    after = idle.spent()
    return after.engine.since(before.engine), after.listener.since(before.listener)


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Count statements while nothing is due, and while rules run that find nothing to do."""
    if not world.is_complete:
        return
    seconds = 5.0 if quick else 60.0
    # The poll interval and the reaper's are those of an installation.
    defaults = {"engine": {"poll_interval": 5, "reaper_interval": 60}}
    with scene(world, options=defaults) as idle:
        rule = idle.rule(idle.person("demo"), interval=INTERVAL)
        _multiply(idle, rule["id"])
        for what, first in (("nothing is due", 600.0), ("their runs find nothing to do", 0.0)):
            _spread(idle, first)
            runs = idle.number("SELECT MAX(pk) FROM jobs")
            engine, listener = _asked(idle, seconds)
            runs = idle.number("SELECT MAX(pk) FROM jobs") - runs
            yield Row(
                f"{RULES} rules with an interval of an hour, {what}: statements of the database",
                (engine.statements + listener.statements) / seconds,
                AT_MOST,
                f"an engine {engine.statements / seconds:.1f}, a listener "
                f"{listener.statements / seconds:.1f}; commits and rollbacks "
                f"{(engine.ended + listener.ended) / seconds:.1f} more; {runs} runs in "
                f"{seconds:.0f} s",
                unit="a second",
            )
