"""Start the stand-in as a process, and control it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The stand-in listens on loopback, so a proxy of the environment must not be used.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_TOOLS = Path(__file__).resolve().parents[1]


class StandinError(Exception):
    """The stand-in did not start, or rejected a command."""


class Standin:
    """A context manager of Glances for many regions in one process.

    The process always ends with this one.

    :param regions: the number or the names of the regions.
    :param latency: milliseconds that each answer is delayed.
    :param port_base: the first region's port, with the others after it; 0 for free ports.
    :param project: the project of callers whose token names none.  A token may have the form
        ``project:role,role``.
    :param roles: the roles of those callers; by default an admin's.
    :param keystone: the URL of a Keystone with ``/v3``, which tells whose other tokens are.
    :param token: a token of an admin, with which Keystone is asked.
    :param notify: the URL of a broker, as oslo.messaging reads it, to which the Glances send
        notifications.  The publisher of a region is ``image.REGION``.
    :param topics: the topics of notifications.
    """

    def __init__(
        self,
        regions: int | Sequence[str] = 3,
        *,
        latency: float = 0.0,
        port_base: int = 0,
        project: str = "standin",
        roles: Sequence[str] | None = None,
        keystone: str | None = None,
        token: str = "",
        notify: str | None = None,
        topics: Sequence[str] = ("notifications", "kingbird"),
    ) -> None:
        names = str(regions) if isinstance(regions, int) else ",".join(regions)
        self._options = [
            *("--regions", names),
            *("--latency", str(latency)),
            *("--port-base", str(port_base)),
            *("--project", project),
            *(("--roles", ",".join(roles)) if roles else ()),
            *(("--keystone", keystone, "--token", token) if keystone else ()),
            *(("--notify", notify, "--topics", ",".join(topics)) if notify else ()),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._control = ""
        #: The URL of each region's Glance, without ``/v2``.
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Standin:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process.

        :raises StandinError: the process ended at once, for example because a port is taken.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "standin", *self._options, "--until-stdin-ends"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_TOOLS)},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise StandinError("the stand-in ended at once")
        addresses = json.loads(line)
        self.urls, self._control = addresses["regions"], addresses["control"]

    def stop(self) -> None:
        """End the process, which forgets all its images."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=10)

    @property
    def memory(self) -> int:
        """Return the megabytes of memory that the process uses."""
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20

    # Methods that prepare images.  None of them counts as a call.

    def seed(
        self,
        region: str,
        count: int,
        *,
        source: str | None = None,
        missing: float = 0.0,
        drifted: float = 0.0,
        salt: str = "",
        project: str = "standin",
    ) -> int:
        """Put images into a region, and return the number of new ones.

        The same images are made each time.  The image of an index has the same id in every region;
        see :func:`standin.images.image_id`.

        :param count: the number of images, including missing ones.
        :param source: the region of which these are Kingbird's copies, without data and with
            provenance.  Without it they are the region's own images, with data.
        :param missing: the share of images, from 0 to 1, that the region lacks.
        :param drifted: the share of images that differ, in a tag, a property or the name.
        :param salt: changes the ids, for other images.
        :param project: the owner of the images.
        """
        options = {"source": source, "missing": missing, "drifted": drifted}
        made: int = self._call(
            "seed", region=region, count=count, salt=salt, project=project, **options
        )
        return made

    def clear(self, region: str) -> None:
        """Delete all images of a region and free their ids."""
        self._call("clear", region=region)

    def upload(self, region: str, image_id: str, data: bytes) -> dict[str, Any]:
        """Upload an image's data, and return the image."""
        text = data.decode("latin-1")
        image: dict[str, Any] = self._call("upload", region=region, image_id=image_id, data=text)
        return image

    def deactivate(self, region: str, image_id: str) -> dict[str, Any]:
        """Deactivate an image, so that only admins can download it, and return it."""
        image: dict[str, Any] = self._call("deactivate", region=region, image_id=image_id)
        return image

    def set_status(self, region: str, image_id: str, status: str) -> None:
        """Give an image a status that no call gives, such as ``killed``."""
        self._call("set_status", region=region, image_id=image_id, status=status)

    def delete(self, region: str, image_id: str) -> None:
        """Delete an image.  Its id stays taken."""
        self._call("delete", region=region, image_id=image_id)

    def share(self, region: str, image_id: str, project: str, status: str) -> None:
        """Share an image with a project, whose answer is ``status``."""
        self._call("share", region=region, image_id=image_id, project=project, status=status)

    def peek(self, region: str, image_id: str) -> dict[str, Any] | None:
        """Return an image of any owner, or ``None``."""
        image: dict[str, Any] | None = self._call("peek", region=region, image_id=image_id)
        return image

    # Methods that change the answers.

    def latency(self, region: str | None, ms: float) -> None:
        """Delay the answers of a region, or of all regions, by some milliseconds."""
        self._call("latency", region=region, ms=ms)

    def import_time(self, region: str, seconds: float) -> None:
        """Let an import of data into a region take some seconds, from the next request on."""
        self._call("import_time", region=region, seconds=seconds)

    def page_size(self, region: str, size: int | None) -> None:
        """Limit a region's pages below the requested size; ``None`` for Glance's own 1000."""
        self._call("page_size", region=region, size=size)

    def fail(
        self,
        region: str,
        kind: str,
        status: int = 503,
        times: int | None = 1,
        retry_after: int | None = None,
    ) -> None:
        """Make the next calls of a kind fail before they have an effect.

        :param kind: a kind of :meth:`counts`, or ``*`` for all.
        :param times: the number of calls; ``None`` for all until :meth:`heal`.
        """
        arguments = {"kind": kind, "status": status, "times": times, "retry_after": retry_after}
        self._call("fail", region=region, **arguments)

    def heal(self, region: str) -> None:
        """Stop making calls fail."""
        self._call("heal", region=region)

    def close(self, region: str) -> None:
        """Refuse all connections of a region, and cut those that are open; its images stay."""
        self._call("close", region=region)

    def open(self, region: str) -> None:
        """Listen again on the port that the region had."""
        self._call("open", region=region)

    # Methods that count calls.

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of calls of each kind, by region.

        The kinds are ``list`` (each page is a call), ``get``, ``create``, ``update``, ``members``,
        ``share``, ``accept``, ``import``, ``tasks`` and ``methods``.  Calls that failed
        are counted.
        """
        counted: dict[str, dict[str, int]] = self._call("counts")
        return counted

    def peaks(self) -> dict[str, int]:
        """Return the maximum of simultaneous calls, by region."""
        peaks: dict[str, int] = self._call("peaks")
        return peaks

    def reset_counts(self) -> None:
        """Reset the counts and the peaks."""
        self._call("reset_counts")

    def sent(self) -> dict[str, int]:
        """Return the number of notifications that were sent to the broker, by event type."""
        sent: dict[str, int] = self._call("sent")
        return sent

    def sizes(self) -> dict[str, int]:
        """Return the number of images, by region."""
        sizes: dict[str, int] = self._call("sizes")
        return sizes

    def _call(self, name: str, **arguments: Any) -> Any:
        body = json.dumps({"call": name, "arguments": arguments}).encode()
        request = urllib.request.Request(self._control, body, method="POST")
        try:
            with _OPENER.open(request, timeout=600) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            message = json.loads(text)["error"] if text.startswith("{") else text
            raise StandinError(message) from None
