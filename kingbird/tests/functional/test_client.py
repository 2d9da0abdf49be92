"""The published client, unchanged: python-kingbirdclient 0.2.1 from PyPI."""

import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.db import models
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import run
from kingbird.tests.functional.proxy import Proxy, hold

pytestmark = pytest.mark.deployments("rabbit-mariadb", "rabbit-postgresql")
everywhere = pytest.mark.deployments("rabbit-mariadb", "rabbit-postgresql", "standalone")

Rows = list[dict[str, Any]]


def client(who: Person, *words: str, program: str = "kingbird") -> Rows:
    """Run a command that prints a table, and return its rows."""
    done = run(program, "sync", *words, "-f", "json", **who.environment)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    rows: Rows = json.loads(done.stdout)
    return rows


def create(who: Person, *images: dict[str, Any], program: str = "kingbird", **more: Any) -> str:
    """Run ``sync create`` from RegionOne and return the job's id."""
    words = ["create", "--resource_type", "image", "--source", "RegionOne"]
    words += [word for image in images for word in ("--resources", image["id"])]
    words += [word for region in more.get("to", ["RegionTwo"]) for word in ("--target", region)]
    words += ["--force"] if more.get("force") else []
    (row,) = client(who, *words, program=program)
    assert set(row) == {"ID", "STATUS", "CREATED_AT"}
    assert row["STATUS"] == "IN_PROGRESS"
    return str(row["ID"])


@everywhere
@pytest.mark.parametrize("name", ["demo", "admin"])
def test_create_and_show(
    name: str, person: Callable[..., Person], api: Callable[[Person], KingbirdAPI]
) -> None:
    who = person(name)
    image = who.make("RegionOne", b"data", tags=["one"])
    job = api(who).wait(create(who, image))
    assert job.status == SUCCESS
    assert who.see("RegionTwo", image["id"])["name"] == image["name"]
    (row,) = client(who, "show", job.id)
    assert row == {
        "ID": row["ID"],
        "RESOURCE": image["id"],
        "SOURCE_REGION": "RegionOne",
        "TARGET_REGION": "RegionTwo",
        "RESOURCE_TYPE": "image",
        "STATUS": "SUCCESS",
        "CREATED_AT": row["CREATED_AT"],
        "UPDATED_AT": row["UPDATED_AT"],
    }
    assert row["UPDATED_AT"] > row["CREATED_AT"]


#: One entry more than the largest page.
MANY = 1001


def multiply(deployment: Deployment, model: Any, row_id: str, **fields: Callable[[], Any]) -> None:
    """Copy a row of the database until there are :data:`MANY`, each with an id of its own."""
    table = model.__table__
    engine = sa.create_engine(deployment.database_url)
    try:
        with engine.begin() as connection:
            query = sa.select(table).where(table.c.id == row_id)
            row = dict(connection.execute(query).mappings().one())
            del row["pk"]
            fields["id"] = lambda: str(uuid.uuid4())
            rows = [
                {**row, **{name: new() for name, new in fields.items()}} for _ in range(MANY - 1)
            ]
            connection.execute(sa.insert(table), rows)
    finally:
        engine.dispose()


@everywhere
def test_lists_longer_than_a_page(
    newcomer: Person, api: Callable[[Person], KingbirdAPI], deployment: Deployment
) -> None:
    """The client sends no limit and follows no link."""
    caller = api(newcomer)
    image = newcomer.make("RegionOne")
    job = caller.wait(create(newcomer, image))
    multiply(deployment, models.Item, job.only["id"], resource=lambda: str(uuid.uuid4()))
    shown = client(newcomer, "show", job.id)
    assert len({row["ID"] for row in shown}) == len(shown) == MANY
    items, _ = caller.show(job.id, limit=400)
    assert [item["id"] for item in items] == [row["ID"] for row in shown]

    multiply(deployment, models.Job, job.id)
    listed = client(newcomer, "list")
    assert len({row["ID"] for row in listed}) == len(listed) == MANY
    assert {row["STATUS"] for row in listed} == {"SUCCESS"}


def test_several_images_and_targets(demo: Person, api: Callable[[Person], KingbirdAPI]) -> None:
    images = [demo.make("RegionOne") for _ in range(2)]
    targets = ["RegionTwo", "RegionThree"]
    job = api(demo).wait(create(demo, *images, to=targets))
    assert job.status == SUCCESS
    assert len(client(demo, "show", job.id)) == 4
    for image in images:
        for region in targets:
            assert demo.see(region, image["id"])["name"] == image["name"]


def test_force_makes_a_copy_under_another_id(
    demo: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    image = demo.make("RegionOne")
    job = api(demo).wait(create(demo, image, force=True))
    assert job.status == SUCCESS
    copy = job.only["target_resource"]
    assert copy != image["id"]
    assert demo.see("RegionTwo", copy)["name"] == image["name"]
    assert demo.images("RegionTwo").get(image["id"]) is None


@everywhere
def test_template(demo: Person, api: Callable[[Person], KingbirdAPI], tmp_path: Path) -> None:
    one, two = demo.make("RegionOne"), demo.make("RegionTwo")
    template = tmp_path / "sync.json"
    sets = [
        {
            "resource_type": "image",
            "resources": [one["id"]],
            "source": "RegionOne",
            "target": ["RegionTwo", "RegionThree"],
        },
        {
            "resource_type": "image",
            "resources": [two["id"]],
            "source": "RegionTwo",
            "target": ["RegionOne"],
            "force": "True",
        },
    ]
    template.write_text(json.dumps({"Sync": sets}))
    (row,) = client(demo, "template", str(template))
    job = api(demo).wait(row["ID"])
    assert job.status == SUCCESS
    assert job.item(one["id"], "RegionTwo")["target_resource"] == one["id"]
    assert job.item(one["id"], "RegionThree")["target_resource"] == one["id"]
    assert job.item(two["id"], "RegionOne")["target_resource"] != two["id"]
    assert len(job.items) == 3


def test_list_active_and_delete(
    demo: Person, api: Callable[[Person], KingbirdAPI], glances: dict[str, Proxy]
) -> None:
    image = demo.make("RegionOne")
    gate = threading.Event()
    with glances["RegionTwo"].broken(hold(gate), lambda call: call.method == "POST"):
        job_id = create(demo, image)
        (row,) = client(demo, "list", "--active")
        assert row["ID"] == job_id
        assert row["STATUS"] == "IN_PROGRESS"
        refused = run("kingbird", "sync", "delete", job_id, **demo.environment)
        assert refused.returncode != 0
        assert "406" in refused.stdout + refused.stderr
        gate.set()
        api(demo).wait(job_id)
    rows = {row["ID"]: row for row in client(demo, "list")}
    assert rows[job_id]["STATUS"] == "SUCCESS"
    assert rows[job_id]["UPDATED_AT"] > rows[job_id]["CREATED_AT"]
    done = run("kingbird", "sync", "delete", job_id, **demo.environment)
    assert done.returncode == 0, done.stderr
    assert job_id not in {row["ID"] for row in client(demo, "list")}


def test_an_admin_deletes_its_jobs(admin: Person, api: Callable[[Person], KingbirdAPI]) -> None:
    jobs = [api(admin).wait(create(admin, admin.make("RegionOne"))).id for _ in range(2)]
    done = run("kingbird", "sync", "delete", *jobs, **admin.environment)
    assert done.returncode == 0, done.stderr
    assert not {*jobs} & {row["ID"] for row in client(admin, "list")}


@pytest.mark.deployments("rabbit-mariadb")
def test_the_openstack_command(demo: Person, api: Callable[[Person], KingbirdAPI]) -> None:
    image = demo.make("RegionOne")
    job_id = create(demo, image, program="openstack")
    assert api(demo).wait(job_id).status == SUCCESS
    assert job_id in {row["ID"] for row in client(demo, "list", program="openstack")}
    (row,) = client(demo, "show", job_id, program="openstack")
    assert (row["RESOURCE"], row["STATUS"]) == (image["id"], "SUCCESS")
    done = run("openstack", "sync", "delete", job_id, **demo.environment)
    assert done.returncode == 0, done.stderr
    assert api(demo).call("GET", f"/{job_id}").status_code == 404


@pytest.mark.deployments("rabbit-mariadb")
def test_an_error_says_what_is_wrong(demo: Person, deployment: Deployment) -> None:
    image = demo.make("RegionOne")
    words = ["--resource_type", "image", "--resources", image["id"], "--source", "RegionOne"]
    done = run("kingbird", "sync", "create", *words, "--target", "Nowhere", **demo.environment)
    assert done.returncode != 0
    assert "400" in done.stderr
    assert "Nowhere" in done.stderr
