"""The pages of doc/source/cli name the options that the programs have, and no others."""

import re
import subprocess
import sys

import pytest

from kingbird.tests.guide.pages import SOURCE
from kingbird.tests.waiting import PATIENCE

PAGES = SOURCE / "cli"

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
#: Prints the help of commands.  Each runs in a fork, as the programs take longest to load.
HELP = """
import os, sys
from importlib.metadata import entry_points
programs = entry_points(group="console_scripts")
mains = {command: programs[command.split()[0]].load() for command in sys.argv[1:]}
for command, main in mains.items():
    child = os.fork()
    if not child:
        program, *words = command.split()
        before = ["--config-file", os.devnull] if words else []
        sys.argv = [program, *before, *words, "--help"]
        sys.exit(main())
    assert os.waitpid(child, 0)[1] == 0, command
    print("\\0", end="", flush=True)
"""
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


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """Return what ``--help`` of each command prints."""
    done = subprocess.run(
        [sys.executable, "-c", HELP, *PROGRAMS],
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return dict(zip(PROGRAMS, done.stdout.split("\0"), strict=False))


def options_of(text: str) -> set[str]:
    """Return the options that a command's help tells."""
    return {
        option
        for line in text.splitlines()
        # A help text is indented further than its option.
        if re.match(r"  -", line)
        for option in OPTION.findall(re.split(r"\s{2,}", line.strip())[0])
    }


@pytest.mark.parametrize("command", PROGRAMS)
def test_options_are_documented(helps: dict[str, str], command: str) -> None:
    name = command.split(maxsplit=1)[0]
    assert helps[command].startswith(f"usage: {name} ")
    # Every command has it, and only the program's own is on the page.
    always = set() if command == name else {"-h", "--help"}
    assert documented(name)[command] == options_of(helps[command]) - always


def test_every_program_has_a_page() -> None:
    names = {command.split()[0] for command in PROGRAMS}
    assert {path.stem for path in PAGES.glob("*.rst")} == {*names, "index"}
    assert {command for name in names for command in documented(name)} == {*PROGRAMS}
