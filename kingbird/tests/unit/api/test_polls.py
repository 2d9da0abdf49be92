"""A poll that finds nothing new reads no item, and no more of a job than tells that."""

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.api import world as w
from kingbird.tests.unit.api.conftest import JOBS, Call
from kingbird.tests.unit.db.rows import planned_job, row


@pytest.fixture
def statements(world: w.World) -> Iterator[list[str]]:
    """Give a list to which the statements that read tables are added."""
    found: list[str] = []

    def note(conn: object, cursor: object, statement: str, *_: object) -> None:
        if " FROM " in statement.replace("\n", " "):
            found.append(statement)

    engine = db.get_engine()
    sa.event.listen(engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["/{job}", "/{job}?limit=1", "", "/active", "/detail"])
def test_nothing_is_read_that_need_not_be(
    world: w.World, call: Call, statements: list[str], path: str
) -> None:
    job_id = planned_job(row("a"), row("b"), project=w.PROJECT)
    url = JOBS + path.format(job=job_id)
    first = call(url)
    assert first.status_int == 200
    statements.clear()
    again = call(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_int, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert len(statements) == 1
    assert not any("items" in each for each in statements)
    if job_id not in url:
        assert not any(re.search(r"\b(asked|request)\b", each) for each in statements)


def test_an_outcome_is_news_to_a_job_and_its_details_and_to_no_list(
    world: w.World, call: Call
) -> None:
    job_id = planned_job(row("a"), row("b"), project=w.PROJECT)
    tags = {path: call(JOBS + path).headers["ETag"] for path in ("", f"/{job_id}", "/detail")}
    claim = db.leases.claim_task("e1", 60)
    assert claim is not None
    item, _ = db.items.open_items(claim, 2)
    db.outcomes.record(claim, [{"pk": item.pk, "status": "SUCCESS", "reason": "created"}])
    found = {
        path: call(JOBS + path, headers={"If-None-Match": tag}).status_int
        for path, tag in tags.items()
    }
    assert found == {"": 304, f"/{job_id}": 200, "/detail": 200}


def test_a_list_that_is_longer_than_a_page_has_no_tag(world: w.World, call: Call) -> None:
    world.conf.set_override("max_limit", 2, group="api")
    for _ in range(3):
        planned_job(row("a"), project=w.PROJECT)
    for path in (JOBS, f"{JOBS}/detail"):
        assert "ETag" not in call(path).headers
        assert len(call(path).json["job_set"]) == 3
        assert call(path, headers={"If-None-Match": '"x"'}).status_int == 200
        assert "ETag" in call(f"{path}?limit=2").headers
