"""Give tests of the plugin ``openstack`` as a function, on a cloud in this process."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from cliff.commandmanager import CommandManager
from openstackclient import shell
from osc_lib.clientmanager import ClientManager

from kingbird.osc import plugin
from kingbird.tests.unit.osc.cloud import Cloud


class Ran:
    """The output and the exit code of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Return the output of ``-f json``, parsed."""
        assert self.code == 0 or self.out, self.err
        return json.loads(self.out)


@pytest.fixture(scope="package", autouse=True)
def _commands_are_found_once() -> Iterator[None]:
    """Find the commands of each package once; a sixth of a command's time goes into that."""
    found: dict[str, dict[str, Any]] = {}
    load = CommandManager.load_commands

    def load_once(self: Any, namespace: str) -> None:
        if namespace in found:
            self.group_list.append(namespace)
            self.commands.update(found[namespace])
            return
        before = dict(self.commands)
        load(self, namespace)
        found[namespace] = {
            name: one for name, one in self.commands.items() if before.get(name) is not one
        }

    with mock.patch.object(CommandManager, "load_commands", load_once):
        yield


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Give a cloud that a test has for itself."""
    with Cloud() as made:
        yield made


@pytest.fixture
def osc(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ran]]:
    """Give ``openstack image sync``."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def run(*words: str, user: str = "member") -> Ran:
        for name, value in cloud.environment(user).items():
            monkeypatch.setenv(name, value)
        # A program has one client manager; it keeps the clients with the class.
        for api in (plugin.API_NAME, "identity"):
            vars(ClientManager)[api]._handle = None
        capsys.readouterr()
        try:
            code = shell.main(["image", "sync", *words])
        except SystemExit as error:
            code = int(error.code or 0)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    yield run
    root.handlers[:], level = before
    root.setLevel(level)
