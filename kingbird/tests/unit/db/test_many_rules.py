"""Engines look at rules each second: none of those that have nothing to do is read."""

import uuid

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import stored_rule

MANY = 1_000
#: Rows that a statement may read: those of other tables, and SQLite's overhead.
FEW = 200


def test_rules_that_are_not_due_are_not_read(database):
    made = stored_rule()
    table = db.Rule.__table__
    with db.get_engine().begin() as bind:
        row = dict(bind.execute(sa.select(table)).mappings().one())
        # These are due in the far future.
        row |= {"enabled": True, "next_run": 2**50}
        names = [{"pk": made.pk + number, "id": str(uuid.uuid4())} for number in range(1, MANY)]
        bind.execute(table.insert(), [{**row, **name, "name": name["id"]} for name in names])
        if bind.dialect.name == "postgresql":
            # It does so by itself within a minute.
            bind.execute(sa.text("ANALYZE rules"))
    with counting() as statements:
        assert db.rule_runs.due() == []
        assert db.rule_runs.marked().ready == []
    read = [one.rows for one in statements]
    assert max(read) <= FEW, read
