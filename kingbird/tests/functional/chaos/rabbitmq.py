"""A RabbitMQ server of a test's own, which may be killed and started anew."""

import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from kingbird.tests.functional import services
from kingbird.tests.functional.chaos.settings import PATIENCE
from kingbird.tests.functional.programs import eventually, free_port

#: Debian's program on the path runs for two users only, and in folders of the package.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def program() -> str | None:
    """Return the program of the server, if it is installed."""
    return str(_DEBIAN) if _DEBIAN.exists() else shutil.which("rabbitmq-server")


class RabbitMQ:
    """One server with its files in a folder.  It needs a program: see :func:`program`.

    :ivar url: the URL of its first virtual host.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._port = free_port()
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"kingbird-test-{uuid.uuid4().hex[:12]}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        (folder / "environment").touch()
        (folder / "plugins").write_text("[].\n")
        self.url = f"rabbit://guest:guest@127.0.0.1:{self._port}/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, and don't wait for it."""
        command = program()
        assert command is not None
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the server answers."""
        eventually("RabbitMQ answers", lambda: services.answers(self.url), PATIENCE, poll=0.1)

    def kill(self) -> None:
        """Kill the server at once.  What it had in memory is lost."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
