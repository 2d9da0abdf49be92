"""The guide's recipe that replaces an image each month, as its page shows it."""

from collections.abc import Callable
from pathlib import Path

from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.deployment import PATIENT, Deployment, Kind
from kingbird.tests.functional.kingbird_api import KingbirdAPI
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import environment
from kingbird.tests.guide.pages import commands
from kingbird.tests.guide.runs import to_run
from kingbird.tests.guide.shell import Shell

PAGE = "doc/source/user/rules.rst"
NAME, TAG, FILE = "Ubuntu 24.04", "ubuntu-24.04", "ubuntu.raw"
#: Images that are kept, and months until the first one is gone.
KEPT, MONTHS = 3, 3


def recipe() -> tuple[list[str], list[str]]:
    """Return the commands of the first day, and those of each month."""
    found = [each.text for each in commands(PAGE) if each in to_run(PAGE) or TAG[:6] in each.words]
    (rule,) = (n for n, text in enumerate(found) if " rule create " in text)
    return found[: rule + 1], found[rule + 1 :]


def line(person: Person, region: str) -> dict[str, tuple[str, bool]]:
    """Return name and hiding of the images of the line in a region, by id."""
    images = [
        image
        for hidden in ("true", "false")
        for image in person.glance(region, "GET", f"images?tag={TAG}&os_hidden={hidden}").json()[
            "images"
        ]
    ]
    return {image["id"]: (image["name"], image["os_hidden"]) for image in images}


def test_a_line_of_images_is_rotated(
    newcomer: Person, deploy_own: Callable[[Kind], Deployment], tmp_path: Path
) -> None:
    url = deploy_own(Kind("MariaDB", broker=True, options=PATIENT)).url
    api = KingbirdAPI(url, newcomer)
    own = {"OS_SYNCHRONIZATION_ENDPOINT_OVERRIDE": f"{url}/v1.0", "HOME": str(tmp_path)}
    shell = Shell(tmp_path, {}, {**environment(), **newcomer.environment, **own})
    (tmp_path / FILE).write_bytes(b"data")
    first_day, monthly = recipe()
    for command in first_day:
        shell.run(command)
    for job in api.jobs():
        api.wait(job["id"])
    newest: set[str] = set()
    for month in range(MONTHS + 1):
        for command in monthly if month else ():
            shell.run(command)
        home = line(newcomer, REGIONS[0])
        shown = {image_id for image_id, (name, _) in home.items() if name == NAME}
        assert (len(shown), len(home)) == (1, min(month + 1, KEPT))
        assert not shown & newest, "the new image has the name"
        assert {image_id for image_id, (_, hidden) in home.items() if not hidden} == shown
        assert [line(newcomer, region) for region in REGIONS[1:]] == [home] * 2
        newest |= shown
