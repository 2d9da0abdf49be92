"""Store rows for the tests of the API and of its clients."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.resource_keys import key_of
from kingbird.tests.api import world
from kingbird.tests.unit.db.rows import stored_rule, sync_set


def job(
    job_id: str,
    project: str,
    resources: list[str],
    targets: list[str],
    *,
    all_projects: bool = False,
    **options: Any,
) -> None:
    """Store a job that an engine may claim.

    :param options: further options of its set.
    """
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


def end(*outcomes: dict[str, Any], in_sync: dict[str, int] | None = None) -> None:
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


def rules() -> None:
    """Store two rules that do not run."""
    for number, name in enumerate(("some", "others")):
        stored_rule(
            rule_id=f"{RIGHTS_RULE[:-1]}{number}",
            project=world.PROJECT,
            name=name,
            sync=sync_set([world.IMAGE], ["RegionOne"], ["RegionTwo"]),
        )


def rights_rules(*names: str, **options: str) -> None:
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


def rights_jobs(*names: str, **options: str) -> None:
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
        job(job_id, project, ["*"], ["RegionTwo"], **more)
        if status:
            reasons = {"SUCCESS": "created", "PLANNED": "missing"}
            reason = reasons.get(status, "region_unavailable")
            end({"resource": world.IMAGE, "status": status, "reason": reason})


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


def states() -> None:
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
