"""The commands of the user and administrator guides, as their pages show them."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync
from kingbird.tests.functional.people import RAW, Person
from kingbird.tests.functional.programs import environment, eventually
from kingbird.tests.functional.proxy import Proxy, hold
from kingbird.tests.guide.pages import README, Command, blocks, literal
from kingbird.tests.guide.runs import USER, pages_of, to_run
from kingbird.tests.guide.shapes import rows_by_name, shape
from kingbird.tests.guide.shell import Shell

pytestmark = pytest.mark.deployments("rabbit-mariadb")

TASKS = "doc/source/user/tasks.rst"
WHOLE = "doc/source/user/wildcard.rst"
OPENSTACK = "doc/source/user/openstackclient.rst"
#: Ids on the pages.
IMAGE, SECOND, AMI = (
    "4235414a-8aaa-462c-a3e2-2305bfe34c98",
    "bc204f27-5c87-4eab-9f1d-3c3634ca4a3b",
    "3d2718fe-e72a-47bd-b8e9-8d0bd0b3b4d5",
)
JOBS = (
    "596ef4e5-5ba1-40e1-8027-41416f46b2ae",
    "ef67753a-cca5-45c8-9a95-4d9a4c657455",
    "627adf92-b9dc-46d8-b538-f7e849c92733",
)
#: Exit statuses other than 0, from the page about exit statuses.
EXITS = {
    'openstack image sync create edge-node --target "*" --wait': 2,
    'openstack image sync create --all --target "*" --on-drift update --prune --wait '
    "--timeout 600": 2,
    "openstack image sync diff --all --exit-code -f csv": 5,
    f"openstack image sync cancel {JOBS[1]} --wait": 3,
    f"openstack image sync cancel {JOBS[1]} --project web --wait": 3,
}


@pytest.fixture(scope="module")
def owner(person: Callable[..., Person]) -> Person:
    """Return a member whose images have the ids of the pages."""
    made = person("admin").with_new_project("demo")
    one = made.images("RegionOne")
    for image_id in (IMAGE, SECOND):
        one.create({**RAW, "id": image_id, "name": image_id[:8]})
    kernel = one.create({"name": "kernel", "disk_format": "aki", "container_format": "aki"})
    one.create(
        {
            "id": AMI,
            "name": "legacy",
            "disk_format": "ami",
            "container_format": "ami",
            "kernel_id": kernel["id"],
        }
    )
    for image_id in (IMAGE, SECOND, AMI, kernel["id"]):
        made.upload("RegionOne", image_id, b"data")
    made.make("RegionOne", b"data", name="golden-web", tags=["released"])
    return made


@pytest.fixture
def comparer(person: Callable[..., Person]) -> tuple[Person, dict[str, str]]:
    """Return a member with exactly the images that the page about ``openstack`` compares.

    :returns: the member, and the images for the ids of the page.
    """
    made = person("admin").with_new_project("demo")
    regions = ("RegionOne", "RegionTwo", "RegionThree")
    # The matrix only counts images that are in order everywhere.
    in_order = []
    for number in range(3):
        image = made.make("RegionOne", b"data", name=f"in order {number}")
        in_order.append(image["id"])
        for region in regions[1:]:
            made.images(region).create({**RAW, "id": image["id"], "name": image["name"]})
            made.upload(region, image["id"], b"data")
    made.make("RegionOne", b"data", name="golden-web", tags=["released"])
    web = made.make("RegionOne", b"data", name="web-server")
    for region, tags in zip(regions[1:], (["changed"], []), strict=True):
        copy = {**RAW, "id": web["id"], "name": web["name"], "tags": tags}
        made.images(region).create(copy)
        made.upload(region, web["id"], b"data")
    edge = made.make("RegionThree", b"data", name="edge-node")
    stranger = {**RAW, "id": edge["id"], "name": "theirs", "visibility": "community"}
    person("other").images("RegionOne").create(stranger)
    return made, dict(zip((IMAGE, SECOND), in_order, strict=False))


@dataclass
class Reader:
    """A reader who types the commands of a page.

    :ivar shell: the shell of a member.
    :ivar admin: the shell of an admin, for restricted commands.
    """

    shell: Shell
    admin: Shell
    api: KingbirdAPI
    glances: dict[str, Proxy]

    def name_job(self, name: str, job_id: str) -> None:
        """Use a job for an id of the page."""
        for shell in (self.shell, self.admin):
            shell.replacements[name] = job_id
            shell.run(f"JOB={job_id}")

    def run(self, command: Command) -> str:
        """Run a command after setting up the state that it needs."""
        admins = any(
            words in command.words
            for words in ("--all-projects", "--project ", "engine list", "--resource-type metadef")
        )
        shell = self.admin if admins or "/admin/" in command.page else self.shell
        exits = EXITS.get(command.words, 0)
        if "/cancel" in command.words or " cancel " in command.words:
            with self._running():
                return shell.run(command.text, exits=exits)
        return shell.run(command.text, exits=exits)

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        """Start a job that runs until it is cancelled, and use it for all job ids."""
        # More images than are written at once, so that cancelling leaves some of them.
        images = [self.api.person.make("RegionOne")["id"] for _ in range(16)]
        gate = threading.Event()
        with self.glances["RegionTwo"].broken(hold(gate), lambda call: call.method == "POST"):
            job_id = self.api.accepted(sync(*images))
            for name in JOBS[:2]:
                self.name_job(name, job_id)

            def let_it_end() -> None:
                try:
                    eventually("a cancel", lambda: self.api.show(job_id)[1]["cancelled"])
                finally:
                    gate.set()

            waiting = threading.Thread(target=let_it_end)
            waiting.start()
            try:
                yield
            finally:
                waiting.join()
        assert self.api.wait(job_id).status == "CANCELLED"


@pytest.fixture
def reader(
    request: pytest.FixtureRequest,
    page: str,
    admin: Person,
    api: Callable[[Person], KingbirdAPI],
    deployment: Deployment,
    glances: dict[str, Proxy],
    tmp_path: Path,
) -> Reader:
    """Return a reader with the page's images and files, two jobs that have ended and a token."""
    owner: Person
    ids: dict[str, str] = {}
    if page == OPENSTACK:
        owner, ids = request.getfixturevalue("comparer")
    else:
        owner = request.getfixturevalue("owner")
    files = {
        "sets.json": literal(TASKS, "json")[0],
        "golden.json": literal(WHOLE, "json")[0],
        "request.json": next(text for kind, text in blocks(README) if text.startswith("{\n")),
    }
    config = f"--config-file {deployment.config}"
    replacements = {
        **ids,
        "https://KINGBIRD_HOST:8118": deployment.url,
        "--owner web ": f"--owner {owner.project_name} ",
        "--project web": f"--project {owner.project_name}",
        "kingbird-manage ": f"kingbird-manage {config} ",
        "kingbird-status ": f"kingbird-status {config} ",
    }
    shells: list[Shell] = []
    for who in (owner, admin):
        folder = tmp_path / who.name
        folder.mkdir()
        known = {"TOKEN": who.token, "PROJECT": who.project_id, "HOME": str(tmp_path)}
        shell = Shell(folder, replacements, {**environment(), **who.environment, **known})
        for name, text in files.items():
            (folder / name).write_text(shell.translate(text))
        shells.append(shell)
    own, admins = shells
    made = Reader(own, admins, api(owner), glances)
    ended = [api(owner).run(sync(ids.get(IMAGE, IMAGE))).id for _ in range(2)]
    for name, job_id in zip(JOBS, (ended[0], *ended), strict=True):
        made.name_job(name, job_id)
    return made


@pytest.mark.parametrize("page", pages_of(USER))
def test_the_commands_of_a_page(page: str, reader: Reader) -> None:
    for command in to_run(page):
        output = reader.run(command)
        if expected := shape(command.output):
            assert shape(output) == expected, f"{command.words}\n{output}"
        if rows := rows_by_name(command.output):
            assert rows_by_name(output) == rows, f"{command.words}\n{output}"
            (counts,) = re.findall("^Copies in sync .*", command.output, re.M)
            assert counts in output.splitlines(), f"{command.words}\n{output}"
        if command.words.startswith("curl "):
            assert '{"error"' not in output, f"{command.words}\n{output}"
        # Wait for the job of one command before the next command.
        for job in reader.api.jobs("/active"):
            reader.api.wait(job["id"])
