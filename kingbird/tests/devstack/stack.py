"""Runs the plugin through the phases of devstack and reports its calls."""

import configparser
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kingbird.tests.waiting import PATIENCE

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLUGIN = ROOT / "devstack"

#: The phases of stack.sh in order.
STACK = ("pre-install", "install", "post-config", "extra", "test-config")
STACK_PHASES = tuple(f"stack {phase}" for phase in STACK)

Call = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """The result of a run.

    :ivar calls: calls of devstack's functions and beginnings of phases, in order.
    """

    code: int
    output: str
    calls: list[Call]

    def of(self, name: str) -> list[Call]:
        """Return the arguments of each call of a function."""
        return [call[1:] for call in self.calls if call[0] == name]

    def within(self, phase: str) -> list[Call]:
        """Return the calls in a phase without messages to the user."""
        begin = self.calls.index(("phase", *phase.split())) + 1
        rest = self.calls[begin:]
        names = [call[0] for call in rest]
        ends = (names.index(name) for name in ("phase", "end") if name in names)
        return [call for call in rest[: min(ends)] if call[0] != "echo_summary"]


@dataclass
class Stack:
    """One devstack with its files in a folder.

    :ivar bin: the programs of Kingbird and uwsgi.
    :ivar variables: variables that ``local.conf`` and devstack set.
    """

    folder: Path
    bin: Path
    services: str = "key,mysql,rabbit,g-api,tempest"
    database: str = "mysql+pymysql://root:secret@127.0.0.1/kingbird?charset=utf8"
    transport: str = "rabbit://stackrabbit:secret@192.0.2.11:5672/"
    keystone: str = "http://192.0.2.11/identity"
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "opt").mkdir(parents=True)
        (self.folder / "opt" / "kingbird").symlink_to(ROOT)

    @property
    def etc(self) -> Path:
        """Return the configuration folder of Kingbird."""
        return self.folder / "etc"

    @property
    def conf(self) -> Path:
        """Return the configuration file of Kingbird."""
        return self.etc / "kingbird.conf"

    @property
    def uwsgi(self) -> Path:
        """Return the uwsgi configuration of Kingbird."""
        return self.etc / "kingbird-uwsgi.ini"

    @property
    def tempest(self) -> Path:
        """Return the configuration file of Tempest."""
        return self.folder / "tempest.conf"

    def run(self, *phases: str) -> Result:
        """Run phases such as ``stack install``."""
        log = self.folder / "calls"
        log.unlink(missing_ok=True)
        bash = shutil.which("bash")
        if bash is None:
            raise RuntimeError("bash is missing")
        done = subprocess.run(
            [bash, str(HERE / "phases.sh"), *phases],
            env=self._environment(log),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        lines = log.read_text().splitlines() if log.exists() else []
        return Result(done.returncode, done.stdout, [tuple(shlex.split(line)) for line in lines])

    def _environment(self, log: Path) -> dict[str, str]:
        return {
            "PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.folder),
            "PLUGIN": str(PLUGIN),
            "DEST": str(self.folder / "opt"),
            "ENABLED_SERVICES": self.services,
            "ENABLE_DEBUG_LOG_LEVEL": "True",
            "KINGBIRD_CONF_DIR": str(self.etc),
            "REGION_NAME": "RegionOne",
            "SERVICE_HOST": "192.0.2.11",
            "SERVICE_LISTEN_ADDRESS": "0.0.0.0",
            "SERVICE_PASSWORD": "s3cret",
            "SERVICE_PROTOCOL": "http",
            "SERVICE_TIMEOUT": "60",
            "SSL_BUNDLE_FILE": "",
            "STACK_USER": str(os.getuid()),
            "STANDIN_BIN": str(self.bin),
            "STANDIN_DATABASE": self.database,
            "STANDIN_KEYSTONE": self.keystone,
            "STANDIN_LOG": str(log),
            "STANDIN_TRANSPORT": self.transport,
            "TEMPEST_CONFIG": str(self.tempest),
            **self.variables,
        }


def options(file: Path) -> dict[str, dict[str, str]]:
    """Return the options of a configuration file by section and name."""
    parser = configparser.RawConfigParser(default_section="no section stands for all")
    parser.read(file)
    return {name: dict(parser[name]) for name in parser.sections()}
