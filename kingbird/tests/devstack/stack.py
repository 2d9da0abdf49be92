"""Drives the plugin through devstack's phases, and tells what it did."""

import configparser
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLUGIN = ROOT / "devstack"

#: What stack.sh goes through, in its order.
STACK = ("pre-install", "install", "post-config", "extra", "test-config")
STACK_PHASES = tuple(f"stack {phase}" for phase in STACK)

Call = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What a run did.

    :ivar calls: of devstack's functions, and the beginnings of phases, in their order.
    """

    code: int
    output: str
    calls: list[Call]

    def of(self, name: str) -> list[Call]:
        """Return the calls of a function, without its name."""
        return [call[1:] for call in self.calls if call[0] == name]

    def within(self, phase: str) -> list[Call]:
        """Return the calls in a phase but for what is told to a person."""
        begin = self.calls.index(("phase", *phase.split())) + 1
        rest = self.calls[begin:]
        names = [call[0] for call in rest]
        ends = (names.index(name) for name in ("phase", "end") if name in names)
        return [call for call in rest[: min(ends)] if call[0] != "echo_summary"]


@dataclass
class Stack:
    """One devstack, whose files are in a folder.

    :ivar bin: Kingbird's programs and uwsgi.
    :ivar variables: what ``local.conf`` and devstack itself set.
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
        """Kingbird's folder."""
        return self.folder / "etc"

    @property
    def conf(self) -> Path:
        """Kingbird's configuration."""
        return self.etc / "kingbird.conf"

    @property
    def uwsgi(self) -> Path:
        """uwsgi's configuration for Kingbird."""
        return self.etc / "kingbird-uwsgi.ini"

    @property
    def tempest(self) -> Path:
        """Tempest's configuration."""
        return self.folder / "tempest.conf"

    def run(self, *phases: str) -> Result:
        """Go through phases such as ``stack install``."""
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
            timeout=120,
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
    """Return what a configuration file says: section -> option -> value."""
    parser = configparser.RawConfigParser(default_section="no section stands for all")
    parser.read(file)
    return {name: dict(parser[name]) for name in parser.sections()}
