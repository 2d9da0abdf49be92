"""Fixtures for the ``fixtures`` key of the YAML files.  Each file gets its own world."""

import json
import os
import tempfile
from datetime import datetime
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
from kingbird.tests.api import world
from kingbird.tests.unit.db.rows import row, stored_rule, sync_set

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


def _job(
    job_id: str,
    project: str,
    resources: list[str],
    targets: list[str],
    *,
    all_projects: bool = False,
    **options: Any,
) -> None:
    db.jobs.create(
        job_id=job_id,
        project_id=project,
        user_id="somebody",
        request=[sync_set(resources, ["RegionOne"], targets, **options)],
        is_admin=False,
        request_id=None,
        all_projects=all_projects,
    )
    db.jobs.accept(job_id, trust_id=f"trust-{job_id}")


def _end(*outcomes: dict[str, Any], in_sync: dict[str, int] | None = None) -> None:
    """Complete the one waiting job, as an engine would.

    :param in_sync: the number of images without an item by region.
    """
    claim = db.leases.claim_job("engine", 30)
    assert claim is not None
    rows = [
        {
            "resource_type": "image",
            "source_region": "RegionOne",
            "target_region": "RegionTwo",
            "action": "create",
            "target_resource": outcome["resource"],
            "reason": None,
            "message": None,
            "resource_name": "an image",
            **outcome,
        }
        for outcome in outcomes
    ]
    with db.plans.PlanWriter(claim) as plan:
        plan.add(rows)
        plan.finish(in_sync or {})
    db.job_ends.end_job(claim.job)


class Metadefs(fixture.GabbiFixture):
    """An ended job about a namespace, which differs in one region and was missing in another."""

    def start_fixture(self) -> None:
        """Store the job."""
        name, targets = world.NAMESPACE, ["RegionTwo", "RegionThree"]
        options = {"resource_type": "metadef"}
        _job(METADEF_JOB, world.PROJECT, [name], targets, all_projects=True, **options)
        item = {
            "resource_type": "metadef",
            "resource": key_of("metadef", name),
            "resource_name": name,
            "target_resource": key_of("metadef", name),
        }
        _end(
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
        _job(THEIR_JOB, world.OTHER_PROJECT, [world.IMAGE], ["RegionTwo"])
        _end({"resource": world.IMAGE, "status": "SUCCESS", "reason": "created"})
        _job(ENDED_JOB, world.PROJECT, [world.IMAGE], ["RegionTwo"])
        _end({"resource": world.IMAGE, "status": "SUCCESS", "reason": "created"})
        _job(FAILED_JOB, world.PROJECT, [world.IMAGE, world.IMAGE_2], ["RegionTwo"])
        _end(
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
        _job(RUNNING_JOB, world.PROJECT, [world.IMAGE, world.IMAGE_2], ["RegionTwo"])


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
        _job(LONG_JOB, world.PROJECT, ["*"], ["RegionTwo"], dry_run=True)
        _end(
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
        _job(DRY_RUN, world.PROJECT, ["*"], ["RegionTwo"], dry_run=True)
        _end({"resource": world.IMAGE, "status": "PLANNED", "reason": "missing"})


class EverybodysJob(fixture.GabbiFixture):
    """A job for the images of all projects, and such a job of another project."""

    def start_fixture(self) -> None:
        """Store the jobs."""
        for job_id, project in (
            (EVERYBODYS_JOB, world.PROJECT),
            (THEIR_JOB, world.OTHER_PROJECT),
        ):
            _job(job_id, project, ["*"], ["RegionTwo"], all_projects=True)
            _end({"resource": world.PRIVATE, "status": "SUCCESS", "reason": "created"})


class EverybodysFailures(fixture.GabbiFixture):
    """A job for the images of all projects, in which one image failed."""

    def start_fixture(self) -> None:
        """Store the job."""
        _job(EVERYBODYS_JOB, world.PROJECT, ["*"], ["RegionTwo"], all_projects=True)
        _end({"resource": world.PRIVATE, "status": "FAILURE", "reason": "region_unavailable"})


#: Jobs for the tests of rights: project, all projects or not, and state.  A running job comes
#: last, because it waits for an engine.
RIGHTS_JOBS = {
    "success": (world.PROJECT, False, "SUCCESS"),
    "failure": (world.PROJECT, False, "FAILURE"),
    "all-failure": (world.PROJECT, True, "FAILURE"),
    "dry": (world.PROJECT, False, "PLANNED"),
    "all-dry": (world.PROJECT, True, "PLANNED"),
    "their-success": (world.OTHER_PROJECT, False, "SUCCESS"),
    "running": (world.PROJECT, False, None),
    "all-running": (world.PROJECT, True, None),
    "their-running": (world.OTHER_PROJECT, False, None),
}
#: The id of the first job that is stored.
RIGHTS_JOB = "dddddddd-0000-4000-8000-000000000010"


#: Rules for the tests of rights: project, and all projects or not.
RIGHTS_RULES = {
    "rule": (world.PROJECT, False),
    "all-rule": (world.PROJECT, True),
    "their-rule": (world.OTHER_PROJECT, False),
}
#: The id of the first rule that is stored.
RIGHTS_RULE = "dddddddd-0000-4000-8000-000000000020"


def add_rules() -> None:
    """Store two rules that do not run."""
    for number, name in enumerate(("some", "others")):
        stored_rule(
            rule_id=f"{RIGHTS_RULE[:-1]}{number}",
            project=world.PROJECT,
            name=name,
            sync=sync_set([world.IMAGE], ["RegionOne"], ["RegionTwo"]),
        )


def store_rights_rules(*names: str, **options: str) -> None:
    """Store some of :data:`RIGHTS_RULES`, which do not run, in place of all rules.

    :param options: further options of their sets.
    """
    with db.get_engine().begin() as connection:
        connection.execute(sa.delete(db.Rule))
        connection.execute(sa.delete(db.Job))
    for number, name in enumerate(names):
        project, all_projects = RIGHTS_RULES[name]
        stored_rule(
            rule_id=f"{RIGHTS_RULE[:-1]}{number}",
            project=project,
            sync=sync_set(
                ["*"], ["RegionOne"], ["RegionTwo"], all_projects=all_projects, **options
            ),
        )


def store_rights_jobs(*names: str, **options: str) -> None:
    """Store some of :data:`RIGHTS_JOBS` in place of all jobs.

    :param options: further options of their sets.
    """
    with db.get_engine().begin() as connection:
        connection.execute(sa.delete(db.Job))
    for number, name in enumerate(names):
        project, all_projects, status = RIGHTS_JOBS[name]
        job_id = f"{RIGHTS_JOB[:-1]}{number}"
        is_dry = status == "PLANNED"
        more: dict[str, Any] = {"all_projects": all_projects, "dry_run": is_dry, **options}
        _job(job_id, project, ["*"], ["RegionTwo"], **more)
        if status:
            reasons = {"SUCCESS": "created", "PLANNED": "missing"}
            reason = reasons.get(status, "region_unavailable")
            _end({"resource": world.IMAGE, "status": status, "reason": reason})


def _state(image_id: str, region: str, state: str, **more: Any) -> dict[str, Any]:
    """Return the columns of a state."""
    return {
        "image_id": image_id,
        "region": region,
        "project_id": world.PROJECT,
        "name": "one",
        "source_region": "RegionOne",
        "state": state,
        "reason": state,
        "message": None,
        "differences": None,
        "image_status": None,
        "job_id": RIGHTS_JOB,
        "since": datetime(2026, 11, 27, 4, 30),
        "compared_at": datetime(2026, 11, 27, 5, 0),
        **more,
    }


def _namespace(name: str, region: str, state: str, **more: Any) -> dict[str, Any]:
    row = _state(key_of("metadef", name), region, state, name=name, project_id="admin", **more)
    del row["image_status"]
    row["resource"] = row.pop("image_id")
    return row


def store_states() -> None:
    """Store the states of one image of the project, one of another project, and namespaces."""
    later = datetime(2026, 11, 27, 5, 0)
    theirs = {"project_id": world.OTHER_PROJECT, "name": "theirs"}
    differing = {
        "message": "Differs from the image in RegionOne in: name",
        "differences": {"name": {"source": "one", "target": "uno"}},
        "image_status": "active",
    }
    states = [
        _state(world.IMAGE, "RegionTwo", "drift", **differing),
        _state(world.IMAGE, "RegionThree", "missing", since=later),
        _state(world.PRIVATE, "RegionTwo", "missing", since=datetime(2026, 11, 26), **theirs),
    ]
    compared = {"images": 5, "compared_at": later, "bulk_no_data": 0}
    regions = [
        {"project_id": world.PROJECT, "region": "RegionTwo", **compared, "bulk_missing": 0},
        {"project_id": "*", "region": "RegionThree", **compared, "bulk_missing": 4},
    ]
    seen = {"images": 0, "bulk_missing": 0, "bulk_no_data": 0, "compared_at": None}
    regions += [
        {"project_id": world.PROJECT, "region": "RegionThree", **seen},
        {"project_id": world.OTHER_PROJECT, "region": "RegionTwo", **seen},
    ]
    namespaces = [
        _namespace(world.NAMESPACE, "RegionTwo", "missing"),
        _namespace(world.NAMESPACE, "RegionThree", "missing", since=later),
        _namespace("OS::Other", "RegionTwo", "drift", since=datetime(2026, 11, 26)),
    ]
    counted = {"namespaces": 4, "compared_at": later, "away_since": None}
    with db.get_engine().begin() as connection:
        for model, rows in (
            (db.ImageState, states),
            (db.RegionState, regions),
            (db.MetadefState, namespaces),
            (db.MetadefRegion, [{"region": "RegionTwo", **counted}]),
        ):
            connection.execute(sa.delete(model))
            connection.execute(sa.insert(model), rows)


class States(fixture.GabbiFixture):
    """States of images of two projects."""

    def start_fixture(self) -> None:
        """Store them."""
        store_states()


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
        job_id = f"{RIGHTS_JOB[:-1]}{number}"
        _job(job_id, world.OTHER_PROJECT, [world.IMAGE], regions)
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
        _job(WHOLE_JOB, world.PROJECT, ["*"], ["RegionTwo", "RegionThree"])


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
