"""The OpenAPI document is what the code says, and all of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import openapi_spec_validator
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg
from oslo_policy import policy

from kingbird import conf as kingbird_conf
from kingbird import policies
from kingbird.api import app, openapi
from kingbird.api.controllers.root import ROUTES
from kingbird.api.controllers.v1 import root as v1
from kingbird.api.openapi import examples, routes, text
from kingbird.api.request import validation
from kingbird.api.schemas import sync_jobs
from kingbird.api.schemas.limits import RequestLimits
from kingbird.tests.api.world import IMAGE, World
from kingbird.tests.unit.api.conftest import caller, request_body
from kingbird.tests.waiting import PATIENCE

API_REF = Path(__file__).parents[5] / "api-ref"
STORED = API_REF / "openapi.yaml"


def defaults() -> cfg.ConfigOpts:
    """Return a configuration that no file has touched."""
    made = cfg.ConfigOpts()
    kingbird_conf.register_opts(made)
    made([], project="kingbird", default_config_files=[], default_config_dirs=[])
    return made


DOCUMENT = openapi.build(defaults(), ROUTES, examples.read(API_REF / "examples"))


def test_the_stored_one_is_that_of_the_code() -> None:
    """``make samples`` writes it."""
    assert STORED.read_text() == text.as_yaml(DOCUMENT)


def test_it_is_openapi() -> None:
    openapi_spec_validator.validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


@pytest.mark.parametrize(
    ("route", "method"), [(route, method) for route in ROUTES for method in route.handlers]
)
def test_what_an_operation_takes_is_a_schema(route: routes.Route, method: str) -> None:
    operation = route.operations()[method]
    taken = [dict(operation.query)]
    if operation.body is not None:
        taken.append(operation.body(RequestLimits(sets=3, resources=5, regions=4)))
    for schema in taken:
        jsonschema.Draft202012Validator.check_schema(schema)


def references(part: Any) -> Iterator[str]:
    """Yield what a part of the document refers to."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_each_component_is_used_and_there() -> None:
    there = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    assert set(references(DOCUMENT)) == there


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the method, path and description of each call."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_each_route_is_described_and_nothing_else() -> None:
    served = set()
    for route in ROUTES:
        for method in route.handlers:
            base = f"/{v1.VERSION}/" if route.is_versioned else "/"
            served.add((method, (base + route.path).rstrip("/") or "/"))
    assert {(method, path) for method, path, _ in operations()} == served
    assert {("GET", path) for path in app.PUBLIC} <= served


def test_each_described_call_is_served() -> None:
    with World() as world:
        call = caller(world.application)
        for method, path, operation in operations():
            project_id = "a1111111222233334444555555555555"
            there = path.format(project_id=project_id, job_id="x", rule_id="x", image_id="x")
            response = call(there, method, token="admin")
            assert response.status_int not in (404, 405), path
            if operation.get("security") == []:
                assert call(there, method, token=None).status_int == 200
            else:
                assert call(there, method, token=None).status_int == 401


def test_calls_and_policies_name_each_other() -> None:
    called = {
        (method, route.template(v1.VERSION), rule)
        for route in ROUTES
        for method, operation in route.operations().items()
        for rule in operation.rules
    }
    assert called == {
        (each["method"], each["path"], rule.name)
        for rule in policies.list_rules()
        if isinstance(rule, policy.DocumentedRuleDefault)
        for each in rule.operations
    }
    for method, path, operation in operations():
        allowed = [rule for m, p, rule in called if (m, p) == (method, path)]
        assert all(f"`{rule}`" in operation["description"] for rule in allowed)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_errors_of_the_contract() -> None:
    codes = {(m, p): set(operation["responses"]) for m, p, operation in operations()}
    jobs = "/v1.0/{project_id}/os-sync"
    assert codes["POST", jobs] == {"200", "400", "401", "403", "404", "413", "429", "503"}
    assert codes["DELETE", f"{jobs}/{{job_id}}"] == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "406",
        "503",
    }
    retry = {"202", "400", "401", "403", "404", "409", "413", "429", "503"}
    assert codes["POST", f"{jobs}/{{job_id}}/retry"] == retry


def objects(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the schemas of objects within a schema."""
    if isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part:
            yield part
        for each in part.values():
            yield from objects(each)
    elif isinstance(part, list):
        for each in part:
            yield from objects(each)


def test_objects_have_nothing_more() -> None:
    found = 0
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for each in objects(schema):
            if "if" not in each:
                assert each["additionalProperties"] is False, name
                found += 1
    assert found > 10


# A reader of the document knows what will be taken.

CREATE = validation.Schema(sync_jobs.create(RequestLimits.from_conf(defaults())))
BODY = {
    "$ref": "#/components/schemas/SyncRequest",
    "components": {"schemas": DOCUMENT["components"]["schemas"]},
}
DOCUMENTED = jsonschema_rs.Draft202012Validator(BODY)

words = st.sampled_from(["RegionOne", "*", "", "a\nb", "x" * 255, "x" * 256, IMAGE])
words |= st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
boolean = st.sampled_from([True, False, "True", "False", "true", None])
moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1))
filters = st.fixed_dictionaries(
    {},
    optional={
        "visibility": st.sampled_from(["public", "secret"]),
        "owner": words,
        "name": words,
        "name_prefix": words,
        "tag": words | st.lists(words, max_size=3),
        "property": st.dictionaries(words, words | st.integers(), max_size=2),
        "size_min": st.integers(-1, 2**63),
        "updated_since": moments.filter(lambda at: (at.month, at.day) != (2, 29)).map(str) | words,
        "status": st.sampled_from(["active", "none", ["active", "queued"], []]),
        "colour": words,
    },
)
sets = st.fixed_dictionaries(
    {
        "resource_type": st.just("image"),
        "resources": st.just(["*"]) | st.lists(st.uuids().map(str) | words, max_size=3),
        "source": words | st.lists(words, max_size=3),
        "target": words | st.lists(words, max_size=3),
    },
    optional={
        "force": boolean,
        "filters": filters,
        "all_projects": boolean,
        "dry_run": boolean,
        "on_drift": st.sampled_from(["report", "update", "fix"]),
        "prune": boolean,
        "same_name": st.sampled_from(["report", "skip", "create"]),
    },
)


@given(sets | st.fixed_dictionaries({"Sync": st.lists(sets, max_size=2)}))
def test_the_document_tells_what_is_taken(resource_set: dict[str, Any]) -> None:
    body = {"resource_set": resource_set}
    complaints = [error.message for error in CREATE.errors(body)]
    assert DOCUMENTED.is_valid(body) == (not complaints), complaints


@pytest.mark.parametrize(
    "changes",
    [
        {"resources": []},
        {"resources": ["x"]},
        {"resources": ["*", "*"]},
        {"source": ""},
        {"source": []},
        {"target": "RegionTwo"},
        {"target": ["RegionTwo", "*"]},
        {"filters": {"name": "x"}},
        {"force": "yes"},
        {"prune": True},
        {"unknown": 1},
        {"source": ["a\nb"]},
    ],
)
def test_what_the_document_forbids_is_refused(changes: dict[str, Any]) -> None:
    body = request_body(**changes)
    assert not DOCUMENTED.is_valid(body)
    assert list(CREATE.errors(body))
    assert DOCUMENTED.is_valid(request_body())


# Where it is to be had.


def test_it_is_served() -> None:
    with World(max_sets=7) as world:
        call = caller(world.application)
        response = call("/v1.0/openapi.json", token=None)
        assert response.content_type == "application/json"
        assert response.cache_control.max_age == 300
        assert response.json == openapi.build(world.conf, ROUTES)
        sets = response.json["components"]["schemas"]["SyncSets"]["properties"]["Sync"]
        assert sets["maxItems"] == 7
        assert call("/v1.0/openapi.json", "POST", token=None).status_int == 405


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_it_is_written(tmp_path: Path, form: str) -> None:
    output = tmp_path / "document"
    program = [str(Path(sys.executable).with_name("kingbird-manage"))]
    command = ["--config-file", "/dev/null", "api-spec", "--format", form]
    done = subprocess.run(
        [*program, *command, "--examples", str(API_REF / "examples"), "--output", str(output)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stdout == ""
    written = output.read_text()
    read = yaml.load(written, yaml.CSafeLoader) if form == "yaml" else json.loads(written)
    assert read == DOCUMENT
