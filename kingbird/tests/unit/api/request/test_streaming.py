"""A long list is one document, however many parts it is sent in."""

import json

import pytest
import sqlalchemy as sa
import webob
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.api.request import streaming
from kingbird.db import api as db
from kingbird.tests.api import world as w
from kingbird.tests.unit.api.conftest import JOBS, caller
from kingbird.tests.unit.db.rows import sync_set

ENTRIES = st.lists(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=3)), max_size=3))


@given(ENTRIES.filter(bool))
def test_parts_are_one_document(lists):
    parts = [{"job_set": entries, "job": {"a": "é\ud800"}, "links": []} for entries in lists]
    text = b"".join(streaming.join(iter(parts)))
    assert json.loads(text) == {**parts[0], "job_set": [one for each in lists for one in each]}


def test_an_error_in_the_middle_leaves_no_document():
    def parts():
        yield {"job_set": [{"id": 1}], "links": []}
        yield {"job_set": [{"id": 2}], "links": []}
        raise exception.Unavailable("The database is away")

    sent = []
    with pytest.raises(exception.Unavailable):
        sent.extend(streaming.join(parts()))
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(b"".join(sent))


@pytest.fixture
def jobs():
    """Give a world with pages of three and seven jobs, of which the first is planned."""
    with w.World(max_limit=3) as world:
        for number in range(7):
            job_id = f"dddddddd-0000-4000-8000-00000000000{number}"
            db.jobs.create(
                job_id=job_id,
                project_id=w.PROJECT,
                user_id="somebody",
                request=[sync_set([w.IMAGE] * 1, ["R1"], [f"R{n}" for n in range(2, 10)])],
                is_admin=False,
                request_id=None,
            )
            db.jobs.accept(job_id, trust_id=f"trust{number}")
        claim = db.leases.claim_job("engine", 30)
        row = {"resource_type": "image", "source_region": "R1", "target_region": "R2"}
        with db.plans.PlanWriter(claim) as plan:
            plan.add(
                [
                    {
                        **row,
                        "resource": f"eeeeeeee-0000-4000-8000-00000000000{number}",
                        "action": "none",
                        "status": "SUCCESS",
                        "reason": "in_sync",
                        "message": None,
                        "target_resource": None,
                    }
                    for number in range(8)
                ]
            )
            plan.finish({})
        yield world


def ids(response):
    return [entry["id"] for entry in response.json["job_set"]]


@pytest.mark.parametrize("path", ["", "/active", "/dddddddd-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("query", ["", "sort_key=updated_at&sort_dir=asc", "sort_key=sync_status"])
def test_a_whole_list_has_what_its_pages_have(jobs, path, query):
    call = caller(jobs.application)
    whole = call(f"{JOBS}{path}?{query}")
    assert whole.content_type == "application/json"
    assert whole.json["links"] == []
    paged, url = [], f"{JOBS}{path}?limit=2&{query}"
    while url:
        page = call(url)
        assert page.content_length
        paged += ids(page)
        url = next((link["href"] for link in page.json["links"]), None)
    assert ids(whole) == paged
    assert len(set(paged)) == len(paged) == (8 if path.startswith("/d") else 7 if not path else 6)
    assert whole.json.get("job") == page.json.get("job")


def test_a_job_that_is_not_planned(jobs):
    response = caller(jobs.application)(f"{JOBS}/dddddddd-0000-4000-8000-000000000003")
    assert [item["target_region"] for item in response.json["job_set"]] == [
        f"R{number}" for number in range(2, 10)
    ]


def test_errors_before_the_first_byte_are_answered_as_usual(jobs, monkeypatch):
    def away(*args, **kwargs):
        raise exception.Unavailable("The database is away")

    monkeypatch.setattr(db.jobs, "list_for_project", away)
    assert caller(jobs.application)(JOBS).status_int == 503


def test_jobs_that_are_deleted_meanwhile_end_no_list(jobs):
    """The next part begins after the last job of the one before, which is gone by then."""
    request = webob.Request.blank(JOBS, headers={"X-Auth-Token": "member"})
    response = request.get_response(jobs.unchecked)
    assert response.content_length is None, "it is not sent in parts"
    parts = iter(response.app_iter)
    text = next(parts) + next(parts)
    with db.get_engine().begin() as connection:
        connection.execute(sa.delete(db.Job))
    text += b"".join(parts)
    # Two pages were read before the first byte left.
    assert len(json.loads(text)["job_set"]) == 6
