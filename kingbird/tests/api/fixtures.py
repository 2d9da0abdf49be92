"""Fixtures for the ``fixtures`` key of the YAML files.  Each file gets its own world."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa
from gabbi import fixture
from oslo_policy import policy

from kingbird import exception, policies
from kingbird.api import app
from kingbird.db import api as db
from kingbird.resource_keys import key_of
from kingbird.tests.api import store, world
from kingbird.tests.unit.db.rows import row

#: A body limit that is small enough for a test and large enough for the others.
LIMIT = 4096

ENDED_JOB = "dddddddd-0000-4000-8000-000000000001"
WHOLE_JOB = "dddddddd-0000-4000-8000-000000000004"
LONG_JOB = "dddddddd-0000-4000-8000-000000000005"
EVERYBODYS_JOB = "dddddddd-0000-4000-8000-000000000006"
RUNNING_JOB = "dddddddd-0000-4000-8000-000000000002"
FAILED_JOB = "dddddddd-0000-4000-8000-000000000003"
DRY_RUN = "dddddddd-0000-4000-8000-000000000007"
METADEF_JOB = "dddddddd-0000-4000-8000-000000000018"
THEIR_JOB = "dddddddd-0000-4000-8000-000000000009"

_current: world.World | None = None


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Return the application of the open world."""
    assert _current is not None
    return _current.application(environ, start_response)


def current() -> world.World:
    """Return the world that is open."""
    assert _current is not None
    return _current


class World(fixture.GabbiFixture):
    """The API with its regions, tokens and images (``kingbird.tests.api.world``)."""

    options: dict[str, Any] = {}

    def start_fixture(self) -> None:
        """Open the world and set environment variables for values that YAML cannot express."""
        global _current  # noqa: PLW0603  gabbi asks for the application without arguments
        names = {"KINGBIRD_TOO_LARGE": "x" * (LIMIT + 1), "KINGBIRD_DEEP": "[" * 2000}
        self._environment = mock.patch.dict(os.environ, names)
        self._environment.start()
        self._world = _current = world.World(max_request_body_size=LIMIT, **self.options)
        self._world.__enter__()

    def stop_fixture(self) -> None:
        """Close the world."""
        self._world.__exit__(None, None, None)
        self._environment.stop()


class SmallPages(World):
    """A world whose pages hold at most three entries."""

    options = {"max_limit": 3}


class SmallBounds(World):
    """A world with small limits for a request."""

    options = {"max_sets": 2, "max_resources": 3, "max_regions": 2, "max_json_depth": 8}


class Metadefs(fixture.GabbiFixture):
    """An ended job about a namespace, which differs in one region and was missing in another."""

    def start_fixture(self) -> None:
        """Store the job."""
        name, targets = world.NAMESPACE, ["RegionTwo", "RegionThree"]
        options = {"resource_type": "metadef"}
        store.job(METADEF_JOB, world.PROJECT, [name], targets, all_projects=True, **options)
        item = {
            "resource_type": "metadef",
            "resource": key_of("metadef", name),
            "resource_name": name,
            "target_resource": key_of("metadef", name),
        }
        store.end(
            {
                **item,
                "status": "FAILURE",
                "reason": "drift",
                "action": "none",
                "message": "Differs from the namespace in RegionOne in: display_name",
                "differences": {"display_name": {"source": "Test", "target": "Old"}},
            },
            {**item, "target_region": "RegionThree", "status": "SUCCESS", "reason": "created"},
        )


class Jobs(fixture.GabbiFixture):
    """Jobs of a project that succeeded, failed and run, and one job of another project."""

    def start_fixture(self) -> None:
        """Store the jobs, the oldest first."""
        store.job(THEIR_JOB, world.OTHER_PROJECT, [world.IMAGE], ["RegionTwo"])
        store.end({"resource": world.IMAGE, "status": "SUCCESS", "reason": "created"})
        store.job(ENDED_JOB, world.PROJECT, [world.IMAGE], ["RegionTwo"])
        store.end({"resource": world.IMAGE, "status": "SUCCESS", "reason": "created"})
        store.job(FAILED_JOB, world.PROJECT, [world.IMAGE, world.IMAGE_2], ["RegionTwo"])
        store.end(
            {"resource": world.IMAGE, "status": "SUCCESS", "reason": "in_sync", "action": "none"},
            {
                "resource": world.IMAGE_2,
                "status": "FAILURE",
                "reason": "owner_conflict",
                "message": "The id belongs to another project's image",
                "action": "none",
                "target_resource": None,
            },
        )
        store.job(RUNNING_JOB, world.PROJECT, [world.IMAGE, world.IMAGE_2], ["RegionTwo"])


class LongJob(fixture.GabbiFixture):
    """A dry run with five items, besides many images that are in sync."""

    ITEMS = (
        ("PLANNED", "created", "create"),
        ("PLANNED", "updated", "update"),
        ("FAILURE", "owner_conflict", "none"),
        ("SKIPPED", "deleted_in_target", "none"),
        ("PLANNED", "created", "create"),
    )

    def start_fixture(self) -> None:
        """Store the job."""
        store.job(LONG_JOB, world.PROJECT, ["*"], ["RegionTwo"], dry_run=True)
        store.end(
            *(
                {
                    "resource": f"eeeeeeee-0000-4000-8000-00000000000{number}",
                    "status": status,
                    "reason": reason,
                    "action": action,
                }
                for number, (status, reason, action) in enumerate(self.ITEMS, 1)
            )
        )
        with db.get_engine().begin() as connection:
            connection.execute(
                sa.update(db.Job)
                .where(db.Job.id == LONG_JOB)
                .values(in_sync={"RegionTwo": 9990, "RegionThree": 5})
            )


class DryRun(fixture.GabbiFixture):
    """A dry run that found an image missing."""

    def start_fixture(self) -> None:
        """Store the job."""
        store.job(DRY_RUN, world.PROJECT, ["*"], ["RegionTwo"], dry_run=True)
        store.end({"resource": world.IMAGE, "status": "PLANNED", "reason": "missing"})


class EverybodysJob(fixture.GabbiFixture):
    """A job for the images of all projects, and such a job of another project."""

    def start_fixture(self) -> None:
        """Store the jobs."""
        for job_id, project in (
            (EVERYBODYS_JOB, world.PROJECT),
            (THEIR_JOB, world.OTHER_PROJECT),
        ):
            store.job(job_id, project, ["*"], ["RegionTwo"], all_projects=True)
            store.end({"resource": world.PRIVATE, "status": "SUCCESS", "reason": "created"})


class EverybodysFailures(fixture.GabbiFixture):
    """A job for the images of all projects, in which one image failed."""

    def start_fixture(self) -> None:
        """Store the job."""
        store.job(EVERYBODYS_JOB, world.PROJECT, ["*"], ["RegionTwo"], all_projects=True)
        store.end({"resource": world.PRIVATE, "status": "FAILURE", "reason": "region_unavailable"})


class States(fixture.GabbiFixture):
    """States of images of two projects."""

    def start_fixture(self) -> None:
        """Store them."""
        store.states()


class _Policy(fixture.GabbiFixture):
    """A policy file.  The application is created anew with it."""

    rules: dict[str, str] = {}

    def start_fixture(self) -> None:
        """Write the file and create the application anew."""
        self._directory = tempfile.TemporaryDirectory(prefix="kingbird-policy-")
        path = Path(self._directory.name) / "policy.yaml"
        path.write_text(json.dumps(self.rules))
        now = current()
        now.conf.set_override("policy_file", str(path), group="oslo_policy")
        now.add_token("operator", world.PROJECT, "operator", *world.MEMBER_ROLES)
        now.application = app.build(
            now.conf,
            keystone=now.keystone,  # type: ignore[arg-type]
            regions=now.regions,  # type: ignore[arg-type]
            engines=now.engines,
        )

    def stop_fixture(self) -> None:
        """Delete the file."""
        self._directory.cleanup()


class OperatorPolicy(_Policy):
    """Each rule requires a role that no other rule grants."""

    rules = {
        rule.name: "role:operator"
        for rule in policies.list_rules()
        if isinstance(rule, policy.DocumentedRuleDefault)
    }


class SitePolicy(_Policy):
    """A policy file that changes some rules and keeps the others."""

    rules = {
        "kingbird:sync_jobs:create": "rule:project_reader",
        "kingbird:sync_jobs:delete": "rule:admin_required and project_id:%(project_id)s",
        "kingbird:sync_jobs:list": "role:service and project_id:%(project_id)s",
        "kingbird:sync_jobs:import": "rule:admin_required and project_id:%(project_id)s",
        "kingbird:sync_jobs:all_projects": "rule:project_member",
        "kingbird:sync_jobs:other_projects": "!",
    }


class Engines(fixture.GabbiFixture):
    """A live engine and a live listener, and one of each without a heartbeat for long."""

    def start_fixture(self) -> None:
        """Store the engines and the listeners."""
        db.engines.heartbeat(
            "here:1",
            host="here",
            pid=1,
            version="1.2.3",
            rpc_version="1.0",
            regions={"RegionTwo": {"breaker": "open", "since": 1_795_736_122_722}},
        )
        _let_work("here:1")
        db.engines.heartbeat("there:2", host="there", pid=2, version="1.2.3", rpc_version="1.0")
        silence = 1000 * db.engines.heartbeat_timeout(current().conf)
        with db.get_engine().begin() as connection:
            connection.execute(
                sa.update(db.Engine)
                .where(db.Engine.id == "there:2")
                .values(seen=db.Engine.seen - silence)
            )
        regions: dict[str, dict[str, Any]] = {
            "RegionOne": {"connected": True, "heard": 1_795_736_122_722, "since": 1},
            "RegionTwo": {"connected": False, "heard": None, "since": None},
        }
        for name, pid, heard in (("here", 3, regions), ("there", 4, {})):
            db.listeners.beat(f"{name}:{pid}", host=name, pid=pid, version="1.2.3", regions=heard)
        with db.get_engine().begin() as connection:
            connection.execute(
                sa.update(db.Listener)
                .where(db.Listener.id == "there:4")
                .values(seen=db.Listener.seen - 1000 * db.listeners.HEARTBEAT_TIMEOUT)
            )


def _let_work(engine: str) -> None:
    """Let an engine work on two tasks of a job, and plan another job."""
    regions = ["RegionTwo", "RegionThree"]
    for number in (0, 1):
        job_id = f"{store.RIGHTS_JOB[:-1]}{number}"
        store.job(job_id, world.OTHER_PROJECT, [world.IMAGE], regions)
        claim = db.leases.claim_job(engine, 30)
        assert claim is not None
        if number:
            return
        with db.plans.PlanWriter(claim) as plan:
            plan.hold([row(world.IMAGE, region) for region in regions])
            plan.finish({})
        while db.leases.claim_task(engine, 30):
            pass


class Limits(fixture.GabbiFixture):
    """At most two jobs in progress, with at most three items each."""

    def start_fixture(self) -> None:
        """Change the configuration of the world, which is dropped with the world."""
        current().conf.set_override("max_jobs_per_project", 2, group="sync")
        current().conf.set_override("max_items_per_job", 3, group="sync")


class WildcardJob(fixture.GabbiFixture):
    """A wildcard job that is not planned yet."""

    def start_fixture(self) -> None:
        """Store the job."""
        store.job(WHOLE_JOB, world.PROJECT, ["*"], ["RegionTwo", "RegionThree"])


class BrokenEngines(fixture.GabbiFixture):
    """No message reaches an engine."""

    def start_fixture(self) -> None:
        """Break the messaging.  The next world is not affected."""
        current().engines.broken = True


class KeystoneAway(fixture.GabbiFixture):
    """A Keystone that is unavailable and makes no trusts."""

    def start_fixture(self) -> None:
        """Let calls for trusts fail."""
        current().keystone.errors["create_trust"] = exception.KeystoneUnavailable(
            "Keystone can't be used at the moment", retry_after=7
        )


class RegionAway(fixture.GabbiFixture):
    """The image service of RegionTwo answers 503."""

    def start_fixture(self) -> None:
        """Let the calls to RegionTwo fail."""
        current().glances["RegionTwo"].fail(
            "list", exception.RegionUnavailable("Busy", 503, retry_after=9), times=None
        )


class DatabaseAway(fixture.GabbiFixture):
    """The database can't be opened."""

    def start_fixture(self) -> None:
        """Point the application to a database that does not exist."""
        conf = current().conf
        conf.set_override("connection", "sqlite:////nowhere/kingbird.db", group="database")
        db.configure(conf)
