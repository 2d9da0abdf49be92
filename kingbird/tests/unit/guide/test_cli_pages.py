"""The pages of doc/source/cli name the options that the programs have, and no others."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kingbird.tests.guide.pages import SOURCE
from kingbird.tests.waiting import PATIENCE

PAGES = SOURCE / "cli"
BIN = Path(sys.executable).parent

#: Each program that has options of its own, as it is called.
PROGRAMS = (
    "kingbird-api",
    "kingbird-engine",
    "kingbird-listener",
    "kingbird-standalone",
    "kingbird-manage",
    "kingbird-manage db sync",
    "kingbird-manage db purge",
    "kingbird-manage api-spec",
    "kingbird-status",
    "kingbird-status upgrade",
)
OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")


def documented(name: str) -> dict[str, set[str]]:
    """Return the options on a program's page, by the program or command that has them."""
    text = (PAGES / f"{name}.rst").read_text()
    text = re.sub(
        r"(?m)^\.\. include:: (\S+)$", lambda found: (PAGES / found[1]).read_text(), text
    )
    found: dict[str, set[str]] = {}
    command = ""
    for directive, argument in re.findall(r"(?m)^\.\. (program|option):: (.+)$", text):
        if directive == "program":
            command = argument
            found[command] = set()
        else:
            found[command] |= set(OPTION.findall(argument))
    return found


def helped_options(command: str) -> set[str]:
    """Return the options that ``--help`` of a command tells."""
    program, *words = command.split()
    before = ["--config-file", "/dev/null"] if words else []
    done = subprocess.run(
        [BIN / program, *before, *words, "--help"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.startswith(f"usage: {program} ")
    return {
        option
        for line in done.stdout.splitlines()
        # A help text is indented further than its option.
        if re.match(r"  -", line)
        for option in OPTION.findall(re.split(r"\s{2,}", line.strip())[0])
    }


@pytest.mark.parametrize("command", PROGRAMS)
def test_options_are_documented(command: str) -> None:
    name = command.split(maxsplit=1)[0]
    # Every command has it, and only the program's own is on the page.
    always = set() if command == name else {"-h", "--help"}
    assert documented(name)[command] == helped_options(command) - always


def test_every_program_has_a_page() -> None:
    names = {command.split()[0] for command in PROGRAMS}
    assert {path.stem for path in PAGES.glob("*.rst")} == {*names, "index"}
    assert {command for name in names for command in documented(name)} == {*PROGRAMS}
