"""The purge in the guide makes a deleted id usable again."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minicloud.layout import DEFAULT_HOME, Home

from kingbird.tests.functional.kingbird_api import SKIPPED, SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import environment
from kingbird.tests.guide.runs import PURGE, pages_of, to_run
from kingbird.tests.guide.shell import Shell

REGION = "RegionTwo"
#: The guide keeps deleted images that are younger than 30 days.
AGE = "-31 days"


def age(database: Path, image_id: str) -> None:
    """Move the deletion of an image far into the past."""
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        for table, column in (
            ("images", "id"),
            ("image_locations", "image_id"),
            ("image_members", "image_id"),
            ("image_properties", "image_id"),
            ("image_tags", "image_id"),
        ):
            connection.execute(
                f"UPDATE {table} SET deleted_at = datetime('now', ?)"
                f" WHERE {column} = ? AND deleted_at IS NOT NULL",
                (AGE, image_id),
            )


def test_an_id_is_free_after_the_guides_purge(
    demo: Person,
    api: Callable[[Person], KingbirdAPI],
    cloud: Any,
    tmp_path: Path,
) -> None:
    image = demo.make("RegionOne", visibility="private", tags=["one"])
    ask = api(demo)
    assert ask.run(sync(image["id"], target=[REGION])).status == SUCCESS
    demo.delete(REGION, image["id"])
    job = ask.run(sync(image["id"], target=[REGION]))
    (item,) = ask.items(job.id)
    assert (item["sync_status"], item["reason"]) == (SKIPPED, "id_taken")

    process = f"glance-{REGION}"
    age(cloud.state.database(process), image["id"])
    program = Home(DEFAULT_HOME).venv("glance") / "bin" / "glance-manage"
    config = cloud.state.etc(process) / "glance-api.conf"
    replacements = {"glance-manage ": f"{program} --config-file {config} "}
    shell = Shell(tmp_path, replacements, {**environment(), "PYTHONPATH": ""})
    (page,) = pages_of(PURGE)
    for command in to_run(page):
        shell.run(command.text)

    assert ask.call("POST", f"/{job.id}/retry").status_code == 202
    assert ask.wait(job.id).status == SUCCESS
    (item,) = ask.items(job.id)
    assert (item["sync_status"], item["reason"]) == (SUCCESS, "created")
    assert demo.see(REGION, image["id"])["tags"] == ["one"]
