"""Engines share the tasks of a job and make each record once."""

from pathlib import Path

from kingbird.tests.functional import services
from kingbird.tests.functional.chaos.engines import (
    ENGINES,
    IMAGES,
    compare,
    far_regions,
    fill,
    kind,
)
from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.chaos.world import World
from kingbird.tests.functional.deployment import deploy
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

#: This test checks counts, so it needs fewer images than a measurement.
FEW = 24


def test_engines_share_regions(chaos_world: World, tmp_path: Path) -> None:
    services.require("MariaDB", "RabbitMQ")
    with far_regions(chaos_world) as glances:
        demo = Person(chaos_world.cloud, "demo")
        scaling = compare(chaos_world.cloud, tmp_path, demo, glances, FEW)
    # The duration is only printed, because it depends on the load of the machine.
    print(scaling)
    for each in (scaling.one, scaling.several):
        assert set(each.creates.values()) == {FEW}
        assert set(each.there.values()) == {FEW}
    assert (scaling.one.workers, scaling.several.workers) == (1, ENGINES)


def test_an_engine_that_comes_in_mid_job_takes_tasks(chaos_world: World, tmp_path: Path) -> None:
    services.require("MariaDB", "RabbitMQ")
    with (
        far_regions(chaos_world) as glances,
        deploy(kind(1), chaos_world.cloud, tmp_path) as kingbird,
    ):
        demo = Person(chaos_world.cloud, "demo")
        source, *others = glances.urls
        targets = others[:3]
        ids = fill(glances, demo, IMAGES)
        api, rows = KingbirdAPI(kingbird.url, demo), Rows(kingbird.database_url)
        job_id = api.accepted(sync(*ids, source=source, target=targets))
        eventually(
            "a record is made",
            lambda: any(glances.counts()[region].get("create") for region in targets),
        )
        (first,) = {row.engine_id for row in rows.tasks(job_id) if row.engine_id}
        later = kingbird.start_engine()

        def look() -> set[str]:
            assert not rows.has_ended(job_id), "the new engine took nothing"
            held = {row.engine_id for row in rows.tasks(job_id) if row.engine_id}
            return held - {first}

        (second,) = eventually("the new engine holds a task", look)
        assert rows.engines()[second] in later.pids
        assert api.wait(job_id).status == SUCCESS
        counts = glances.counts()
    assert {region: counts[region]["create"] for region in targets} == dict.fromkeys(
        targets, IMAGES
    )
