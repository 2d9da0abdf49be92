"""Requests to the API: their rate, lost requests, and the cost of many jobs."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import urllib3

from benchmarks.rounds import median, spread
from benchmarks.scene import SOURCE, fill
from benchmarks.service import Service, wildcard
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.db.item_ids import item_id
from kingbird.db.models import Item, Job
from kingbird.tests.functional import load
from kingbird.tests.functional.deployment import SERVICE_USER
from kingbird.tests.functional.people import Person
from kingbird.tests.unit.db.rows import sync_set

TARGET = "RegionTwo"
WORKERS = 2
CONNECTIONS = 32
REQUESTS = 1000
FEW, MANY = 1_000, 100_000
#: The number of rows in one INSERT.
BATCH = 5_000
AT_MOST = 1.5


def _rows(person: Person, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return jobs that have ended, each with an item."""
    now = datetime.now(UTC).replace(tzinfo=None)
    request = [sync_set(["*"], [SOURCE], [TARGET])]
    jobs, items = [], []
    for number in range(count):
        job_id = str(uuid.uuid4())
        at = now - timedelta(seconds=count - number)
        moments = {"created_at": at, "updated_at": at}
        jobs.append(
            {
                "id": job_id,
                "project_id": person.project_id,
                "user_id": person.user_id,
                "status": "SUCCESS",
                "credentials": "trust",
                "request": request,
                "planned_at": at,
                "plan_parts": 1,
                **moments,
            }
        )
        image = str(uuid.uuid4())
        items.append(
            {
                "id": item_id(job_id, image, TARGET),
                "job_id": job_id,
                "plan_generation": 1,
                "resource_type": "image",
                "resource": image,
                "source_region": SOURCE,
                "target_region": TARGET,
                "target_resource": image,
                "action": "create",
                "status": "SUCCESS",
                "reason": "created",
                **moments,
            }
        )
    return jobs, items


def add_jobs(url: str, person: Person, count: int) -> None:
    """Insert ended jobs of a project into a database, with bulk SQL.

    :param url: the database's URL for SQLAlchemy.
    """
    engine = sa.create_engine(url)
    for begin in range(0, count, BATCH):
        jobs, items = _rows(person, min(BATCH, count - begin))
        with engine.begin() as connection:
            connection.execute(sa.insert(Job), jobs)
            ids = [job["id"] for job in jobs]
            found = connection.execute(sa.select(Job.id, Job.pk).where(Job.id.in_(ids)))
            keys = {row.id: row.pk for row in found}
            for item in items:
                item["job_pk"] = keys[item.pop("job_id")]
            connection.execute(sa.insert(Item), items)
    engine.dispose()


def _seconds(url: str, token: str, rounds: int) -> list[float]:
    """Return the seconds of the same GET, repeated."""
    taken = []
    for _ in range(rounds):
        done = load.get([url], token, 1)
        _expect(done)
        taken.append(done.seconds)
    return taken


def _expect(done: load.Load) -> None:
    statuses = Counter(each.status for each in done.answers)
    if statuses.keys() != {200}:
        raise RuntimeError(f"Not all was answered with 200: {dict(statuses)}")


def _trusts(world: World, kingbird: Service, person: Person, count: int) -> float:
    """Return the trusts a second that Keystone creates; an accepted request needs one."""
    role = person.keystone("GET", "/roles?name=admin").json()["roles"][0]["id"]
    url = f"{kingbird.deployment.keystone.url}/v3/OS-TRUST/trusts"
    token = person.token

    def make(number: int) -> Any:
        # Keystone treats trusts that expire at the same moment as the same one.
        expires = datetime.now(UTC) + timedelta(days=1, seconds=number)
        trust = {
            "trustor_user_id": person.user_id,
            "trustee_user_id": world.cloud.users[SERVICE_USER],
            "project_id": person.project_id,
            "impersonation": True,
            "roles": [{"id": role}],
            "expires_at": f"{expires:%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        headers = {"X-Auth-Token": token}

        def request(pool: urllib3.PoolManager) -> Any:
            return pool.request("POST", url, json={"trust": trust}, headers=headers)

        return request

    return load.at_once(CONNECTIONS, [make(number) for number in range(count)]).rate


def _post(world: World, kingbird: Service, person: Person, url: str, count: int) -> Iterator[Row]:
    before = {row[0] for row in kingbird.query("SELECT id FROM jobs")}
    sync_set = {**wildcard(SOURCE, [TARGET]), "dry_run": True}
    done = load.post_jobs(url, person.token, sync_set, count, CONNECTIONS)
    accepted = [each.json["job_status"]["id"] for each in done.answers if each.status == 200]
    made = {row[0] for row in kingbird.query("SELECT id FROM jobs")} - before
    wrong = (count - len(accepted)) + (len(accepted) - len({*accepted})) + len(made ^ {*accepted})
    yield Row(
        f"{count} requests to make a job, {CONNECTIONS} at once, {_served(world)}: refused, lost "
        "or made up",
        wrong,
        0,
        f"{len(accepted)} accepted, {len(made)} jobs in the database",
        unit="of them",
    )
    bare = _trusts(world, kingbird, person, count // 5)
    yield Row(
        f"POST, {len(before)} jobs in the database",
        done.rate,
        None,
        f"{done.seconds:.1f} s; Keystone alone makes {bare:.0f} trusts a second",
        unit="a second",
    )


def _served(world: World) -> str:
    return f"gunicorn with {WORKERS} workers" if world.is_complete else "one process"


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure lists with few and with many jobs, and everything else with many."""
    many, count, rounds = (10_000, 200, 10) if quick else (MANY, REQUESTS, 40)
    # Without engines, the API has all processor time.
    kind: dict[str, Any] = {"engines": 0, "workers": WORKERS, "sync": {"max_jobs_per_project": 0}}
    with world.glances(2) as glances, world.kingbird(**kind) as kingbird:
        fill(glances, 10)
        person = world.person()
        url = f"{kingbird.deployment.url}/v1.0/{person.project_id}/os-sync"
        add_jobs(kingbird.deployment.database_url, person, FEW)
        # Each worker validates the token with Keystone once.
        _expect(load.get([url] * CONNECTIONS, person.token, CONNECTIONS))
        few = _seconds(url, person.token, rounds)
        add_jobs(kingbird.deployment.database_url, person, many - FEW)
        time.sleep(2)
        lot = _seconds(url, person.token, rounds)
        yield Row(
            f"the first page of the list with {many} jobs against {FEW}",
            median(lot) / median(few),
            AT_MOST,
            f"{_milliseconds(lot)}, {_milliseconds(few)}; a page has 1000 jobs",
        )
        newest = load.get([f"{url}?limit=100"], person.token, 1).answers[0].json["job_set"]
        shows = [f"{url}/{job['id']}" for job in newest] * (count // len(newest))
        lists = {
            "GET list, 1000 jobs a page": [url] * (count // 5),
            "GET list, 20 jobs a page": [f"{url}?limit=20"] * count,
            "GET show": shows,
        }
        for what, urls in lists.items():
            done = load.get(urls, person.token, CONNECTIONS)
            _expect(done)
            yield Row(
                f"{what}, {many} jobs in the database, {CONNECTIONS} at once, {_served(world)}",
                done.rate,
                None,
                f"{len(urls)} requests in {done.seconds:.1f} s",
                unit="a second",
            )
        yield from _post(world, kingbird, person, url, count)


def _milliseconds(seconds: list[float]) -> str:
    return spread([1000 * each for each in seconds]).replace(" s", " ms")
