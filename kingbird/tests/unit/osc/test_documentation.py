"""The commands in the documentation exist, with the options that they show."""

import argparse
import re
import shlex
from importlib import metadata
from pathlib import Path
from unittest import mock

import pytest

from kingbird.osc import exit_codes, matrix

GUIDE = Path(__file__).resolve().parents[4] / "doc/source/user/openstackclient.rst"
COMMANDS = {
    entry.name.replace("_", " "): entry
    for entry in metadata.entry_points(group="openstack.image_sync.v1")
}
SHOWN = [
    shlex.split(line)[1:]
    for line in re.findall(r"^ +\$ (openstack image sync .*)$", GUIDE.read_text(), re.M)
]


def command_of(words: list[str]) -> tuple[str, list[str]]:
    """Return a command's name, and the words behind it."""
    names = [" ".join(words[:length]) for length in range(len(words), 0, -1)]
    name = next(name for name in names if name in COMMANDS)
    return name, words[len(name.split()) :]


def parser_of(name: str) -> argparse.ArgumentParser:
    command = COMMANDS[name].load()(mock.Mock(), None, cmd_name=name)
    parser: argparse.ArgumentParser = command.get_parser(f"openstack {name}")
    return parser


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_a_command_takes_the_options_that_are_shown(words: list[str]) -> None:
    name, options = command_of(words)
    parser_of(name).parse_args(options)


def test_every_command_is_shown() -> None:
    assert {command_of(words)[0] for words in SHOWN} == {*COMMANDS}
    assert len(COMMANDS) == 22


def test_every_option_has_a_help() -> None:
    for name in COMMANDS:
        for action in parser_of(name)._actions:
            assert action.help, action


def test_the_matrix_and_the_exit_statuses_are_those_of_the_program() -> None:
    guide = GUIDE.read_text()
    assert matrix.LEGEND in guide
    for name in ("OK", "ERROR", "FAILURE", "CANCELLED", "TIMEOUT", "DIFFERENT"):
        assert re.search(rf"^{getattr(exit_codes, name)}     ", guide, re.M)


def test_wrong_usage_does_not_look_like_a_failed_job(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser_of("image sync show").parse_args([])
    assert caught.value.code == exit_codes.ERROR
    assert "<job>" in capsys.readouterr().err
