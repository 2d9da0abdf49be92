"""The page about the way of a request names the modules that a request enters, and no others."""

import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import kingbird
from kingbird.tests.api.world import PROJECT, World
from kingbird.tests.unit.api.conftest import caller, request_body
from kingbird.tests.unit.engine.scene import Scene

ROOT = Path(kingbird.__file__).parent
PAGE = ROOT.parent / "doc" / "source" / "contributor" / "walk.rst"
#: The test has doubles of Keystone and of the engines in place of these modules.
DOUBLES = {"clients/keystone.py", "rpc/client.py"}


@contextmanager
def entered() -> Iterator[set[str]]:
    """Collect the modules of Kingbird whose functions are called during a block."""
    found: set[str] = set()

    def trace(frame: FrameType, event: str, arg: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "tests"):
            found.add(str(path.relative_to(ROOT)))

    before, before_of_threads = sys.gettrace(), threading.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        yield found
    finally:
        sys.settrace(before)
        # coverage measures threads by this function.
        threading.settrace(before_of_threads)


def read_steps(table: str) -> list[str]:
    """Return the modules in a table of the page."""
    return re.findall(r"^     - ``(\S+\.py)``$", table, flags=re.MULTILINE)


def test_a_post_takes_the_steps_of_the_page() -> None:
    section = PAGE.read_text().split("A wildcard job\n====")[0]
    table, rest = section.split("Modules without a step")
    steps = read_steps(table)
    helpers = set(re.findall(r"``([\w/]+\.py)``", rest.split("is entered if")[0])) - {
        "api/schemas/filters.py"
    }
    assert len(steps) == len(set(steps)) == 26
    with World() as world:
        call = caller(world.application)
        path = f"/v1.0/{PROJECT}/os-sync"
        # The first request compiles schemas and creates clients.
        assert call(path, "POST", body=request_body()).status_int == 200
        with entered() as modules:
            assert call(path, "POST", body=request_body()).status_int == 200
    assert modules == set(steps) - DOUBLES | helpers


def test_a_wildcard_job_takes_the_steps_of_the_page(scene: Scene) -> None:
    section = PAGE.read_text().split("A wildcard job\n====")[1]
    table, rest = section.split("``engine/planner.py`` is a loop")
    steps = read_steps(table)
    always = rest.split("Modules of ``sync/`` without a step")[1].split("All else")[0]
    assert len(steps) == len(set(steps)) <= 26
    # An image with data in one region, so that each of the others gets a record.
    scene.glances["R1"].upload(scene.image(visibility="shared"), b"data")
    job_id = scene.job("*")
    with entered() as modules:
        scene.engine()
        assert scene.tidied(job_id) == "SUCCESS"
    assert set(steps) <= modules
    # Threads of the engine run beside the job, so only the rooms without threads are compared.
    expected = {*steps, *re.findall(r"``([\w/]+\.py)``", always)}
    assert in_sync_room(modules) == in_sync_room(expected)


def in_sync_room(modules: Iterable[str]) -> set[str]:
    return {name for name in modules if name.startswith("sync/")}


def test_all_modules_of_the_page_exist() -> None:
    for name in re.findall(r"``([\w/]+\.py)``", PAGE.read_text()):
        assert (ROOT / name).is_file(), name
