"""Find each defect in the verdict of the fuzzer, and generate requests from the schemas."""

import copy
import dataclasses
import json
from pathlib import Path
from urllib.parse import urlencode

import jsonschema
import pytest
import yaml

from kingbird.tests.functional.fuzz import verdict
from kingbird.tests.functional.fuzz.names import Names
from kingbird.tests.functional.fuzz.plain import make_plain
from kingbird.tests.functional.fuzz.scene import Scene
from kingbird.tests.functional.fuzz.verdict import Call

ROOT = Path(__file__).parents[4]

PROJECT = "1" * 32
JOBS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(4)]
SCENE = Scene(
    project=PROJECT,
    regions=["One", "Two", "Three"],
    images=[f"{number:08d}-aaaa-4000-8000-000000000000" for number in range(3)],
    foreign_project="2" * 32,
    foreign_jobs=[JOBS[3]],
    foreign_images=[],
    record="",
)


def post(job_id, status=200):
    """Return the call that a job came from."""
    answer = json.dumps({"job_status": {"id": job_id}})
    return Call("create_sync_job", "POST", "http://h/v1.0/p/os-sync", status, answer)


def good():
    """Return the calls of a run with which nothing is wrong."""
    others = [
        Call(operation, "GET", "http://h/x", status, "{}")
        for operation, status in verdict.SEEN
        if (operation, status) != ("create_sync_job", 200)
    ]
    deletion = Call("delete_sync_job", "DELETE", f"http://h/v1.0/p/os-sync/{JOBS[1]}/", 200, "{}")
    return [post(JOBS[0]), post(JOBS[1]), deletion, *others]


ROWS = [{"id": JOBS[0], "project_id": PROJECT}]


def judged(calls=None, logs=(), rows=ROWS):
    """Return what is wrong with a run."""
    return list(verdict.complaints(calls or good(), logs, rows, PROJECT))


def test_a_good_run():
    assert judged() == []


def test_an_answer_of_500():
    bad = dataclasses.replace(good()[-1], status=500)
    assert any("was answered 500" in said for said in judged([*good(), bad]))


def test_a_run_that_saw_too_little():
    assert verdict.unseen(good()) == []
    assert any("sees too little" in said for said in verdict.unseen(good()[:3]))


def test_jobs_that_are_lost_or_too_many():
    assert any("is gone" in said for said in judged(rows=[]))
    more = [*ROWS, {"id": JOBS[1], "project_id": PROJECT}]
    assert any("nobody was told" in said for said in judged(rows=more))
    assert any("belongs to" in said for said in judged(rows=[{"id": JOBS[0], "project_id": "x"}]))


@pytest.mark.parametrize(("operation", "status"), [("apply", 202), ("undo", 202), ("undo", 409)])
def test_a_job_that_another_one_led_to(operation, status):
    made = dataclasses.replace(post(JOBS[2], status), operation=f"{operation}_sync_job")
    rows = [*ROWS, {"id": JOBS[2], "project_id": PROJECT}]
    assert bool(judged([*good(), made], rows=rows)) is (status == 409)


def test_a_job_that_is_missed():
    url = f"http://h/v1.0/{PROJECT}/os-sync/"
    for path in (JOBS[0], JOBS[0].replace("-", ""), f"{JOBS[0]}/cancel"):
        bad = Call("show_sync_job", "GET", f"{url}{path}", 404, "{}")
        assert any("nobody deleted" in said for said in judged([*good(), bad])), path
    for path in (JOBS[1], JOBS[2], f"{JOBS[0]}/other", "active"):
        fine = Call("show_sync_job", "GET", f"{url}{path}", 404, "{}")
        assert judged([*good(), fine]) == []


def test_a_traceback(tmp_path):
    log = tmp_path / "api.log"
    log.write_text("Traceback (most recent call last):\n  x\nKeyError: 'y'\n")
    assert any("KeyError" in said for said in judged(logs=[log]))


@pytest.fixture(scope="module")
def documents():
    """Return the OpenAPI document's schemas as they are, and made plain."""
    text = (ROOT / "api-ref" / "openapi.yaml").read_text()
    before = yaml.load(text, yaml.CSafeLoader)
    after = copy.deepcopy(before)
    make_plain(after)
    return before, after


def is_valid(document, body):
    """Return True if a document accepts a request."""
    schema = {"$ref": "#/components/schemas/SyncRequest", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema).is_valid(body)


SET = {"resource_type": "image", "resources": [JOBS[0]], "source": "A", "target": ["B"]}
SETS = [
    SET,
    {**SET, "resources": ["*"]},
    {**SET, "resources": ["*", JOBS[0]]},
    {**SET, "resources": []},
    {**SET, "source": "*"},
    {**SET, "source": ["A", "B"]},
    {**SET, "source": 3},
    {**SET, "target": "*"},
    {**SET, "target": "B"},
    {**SET, "target": ["*"]},
    {**SET, "target": ["*", "B"]},
    {**SET, "target": []},
    {**SET, "filters": {}},
    {**SET, "resources": ["*"], "filters": {"tag": "a", "status": ["active"]}},
    {**SET, "resources": ["*"], "filters": {"tag": [], "status": "x"}},
    {**SET, "all_projects": True},
    {**SET, "resources": ["*"], "all_projects": True},
    {**SET, "all_projects": False},
    {**SET, "prune": True},
    {**SET, "prune": True, "on_drift": "report"},
    {**SET, "prune": True, "on_drift": "update"},
    {**SET, "prune": False, "on_drift": "update"},
    {**SET, "more": 1},
]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("each", SETS)
def test_plain_schemas_allow_the_same(documents, each, wrapped):
    body = {"resource_set": {"Sync": [each]} if wrapped else each}
    before, after = documents
    assert is_valid(before, body) is is_valid(after, body)


def test_conditions_that_are_new_are_noticed():
    schema = {"if": {"minimum": 3}, "then": {"maximum": 4}}
    with pytest.raises(ValueError, match="condition"):
        make_plain({"components": {"schemas": {"New": schema}}})


def test_names_keep_requests_valid(documents):
    names = Names(SCENE)
    for each in SETS:
        body = json.loads(json.dumps({"resource_set": each}))
        if is_valid(documents[0], body):
            names.body(body)
            assert is_valid(documents[0], body)


def test_names_are_the_same_every_time():
    made = []
    for _ in range(2):
        names = Names(SCENE)
        names.jobs += JOBS[:3]
        paths = [{"project_id": str(n), "job_id": str(n)} for n in range(50)]
        for path in paths:
            names.path(path)
        made.append(paths)
    assert made[0] == made[1]
    assert {path["project_id"] for path in made[0]} >= {SCENE.project, SCENE.foreign_project}
    assert {path["job_id"] for path in made[0]} >= set(JOBS)


@pytest.mark.parametrize("region", ["a" * 255, "\u4e16" * 255, "\ud800" * 255])
def test_a_list_fits_into_a_request_line(region):
    query = {"region": [f"{number}{region}"[:255] for number in range(100)], "limit": 3}
    Names(SCENE).fit(query, is_valid=True)
    assert 1 <= len(query["region"]) <= 6
    assert query["limit"] == 3
    few = {"region": ["a", "b"], "state": ["drift"]}
    Names(SCENE).fit(few, is_valid=True)
    assert few == {"region": ["a", "b"], "state": ["drift"]}


@pytest.mark.parametrize("region", ["0" * 9000, "\u4e16" * 9000, ["0" * 9000], ["0" * 200] * 50])
def test_a_long_query_that_is_invalid_stays_so(region):
    query = {"region": region, "sort": "none"}
    Names(SCENE).fit(query, is_valid=False)
    assert len(urlencode(query, doseq=True)) < 4000
    assert query["limit"] == "no number"
    short = {"region": "0" * 300}
    Names(SCENE).fit(short, is_valid=False)
    assert short == {"region": "0" * 300}
