"""Starts the stand-in as a process of its own and controls it."""

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

# It is on loopback, so a proxy from the environment must not be asked.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_TOOLS = Path(__file__).resolve().parents[1]


class StandinError(Exception):
    """The stand-in did not start, or refused what it was told."""


class Standin:
    """Glances for many regions in one process; starts and stops as a context manager.

    The process ends with this one, however that ends.

    :param regions: how many, or their names.
    :param latency: milliseconds that each answer is late.
    :param port_base: the first region's port, the others' follow; 0 for free ones.
    :param project: that of callers whose token does not tell theirs; a token may, in the
        form ``project:role,role``.
    :param roles: the roles of those callers; an admin's if not given.
    """

    def __init__(
        self,
        regions: int | Sequence[str] = 3,
        *,
        latency: float = 0.0,
        port_base: int = 0,
        project: str = "standin",
        roles: Sequence[str] | None = None,
    ) -> None:
        names = str(regions) if isinstance(regions, int) else ",".join(regions)
        self._options = [
            *("--regions", names),
            *("--latency", str(latency)),
            *("--port-base", str(port_base)),
            *("--project", project),
            *(("--roles", ",".join(roles)) if roles else ()),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._control = ""
        #: Where each region's Glance listens, without ``/v2``.
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Standin:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it.

        :raises StandinError: it ended at once, say because a port is taken.
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
        said = json.loads(line)
        self.urls, self._control = said["regions"], said["control"]

    def stop(self) -> None:
        """End it, and forget all its images."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=10)

    @property
    def memory(self) -> int:
        """The megabytes of memory that it takes."""
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20

    # The scene.  None of it counts as a call.

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
        """Put images into a region, the same ones each time, and return how many are new.

        The image of an index has the same id in every region; see
        :func:`standin.images.image_id`.

        :param count: how many, those that are missing included.
        :param source: the region of which these are Kingbird's copies, without data and with
            their provenance; without one they are images of the region's own, with data.
        :param missing: the share of images, from 0 to 1, that the region lacks.
        :param drifted: the share of images that differ, in a tag, a property or the name.
        :param salt: other images, with other ids.
        :param project: who owns them.
        """
        options = {"source": source, "missing": missing, "drifted": drifted}
        made: int = self._call(
            "seed", region=region, count=count, salt=salt, project=project, **options
        )
        return made

    def clear(self, region: str) -> None:
        """Take all images out of a region; no id stays taken."""
        self._call("clear", region=region)

    def upload(self, region: str, image_id: str, data: bytes) -> dict[str, Any]:
        """Give an image its data, and return it."""
        text = data.decode("latin-1")
        image: dict[str, Any] = self._call("upload", region=region, image_id=image_id, data=text)
        return image

    def deactivate(self, region: str, image_id: str) -> dict[str, Any]:
        """Make an image one that only admins can download, and return it."""
        image: dict[str, Any] = self._call("deactivate", region=region, image_id=image_id)
        return image

    def delete(self, region: str, image_id: str) -> None:
        """Delete an image; its id stays taken."""
        self._call("delete", region=region, image_id=image_id)

    def share(self, region: str, image_id: str, project: str, status: str) -> None:
        """Share an image with a project that answered with a status."""
        self._call("share", region=region, image_id=image_id, project=project, status=status)

    def peek(self, region: str, image_id: str) -> dict[str, Any] | None:
        """Return an image whoever owns it; ``None`` if there is none."""
        image: dict[str, Any] | None = self._call("peek", region=region, image_id=image_id)
        return image

    # How it answers.

    def latency(self, region: str | None, ms: float) -> None:
        """Let a region's answers, or all, be late by so many milliseconds."""
        self._call("latency", region=region, ms=ms)

    def page_size(self, region: str, size: int | None) -> None:
        """Cap a region's pages below what is asked for; ``None`` for Glance's own 1000."""
        self._call("page_size", region=region, size=size)

    def fail(
        self,
        region: str,
        kind: str,
        status: int = 503,
        times: int | None = 1,
        retry_after: int | None = None,
    ) -> None:
        """Let the next so many calls of a kind fail, before they have an effect.

        :param kind: one of those of :meth:`counts`, or ``*`` for all.
        :param times: ``None`` for all until :meth:`heal`.
        """
        arguments = {"kind": kind, "status": status, "times": times, "retry_after": retry_after}
        self._call("fail", region=region, **arguments)

    def heal(self, region: str) -> None:
        """Let no call fail any more."""
        self._call("heal", region=region)

    # What came.

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many calls of each kind came, by region.

        The kinds are ``list`` (each page is a call), ``get``, ``create``, ``update``,
        ``members``, ``share`` and ``accept``; calls that failed are among them.
        """
        counted: dict[str, dict[str, int]] = self._call("counts")
        return counted

    def peaks(self) -> dict[str, int]:
        """Return how many calls were under way at the same time at most, by region."""
        peaks: dict[str, int] = self._call("peaks")
        return peaks

    def reset_counts(self) -> None:
        """Count calls, and peaks, from zero."""
        self._call("reset_counts")

    def sizes(self) -> dict[str, int]:
        """Return how many images there are, by region."""
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
            said = json.loads(text)["error"] if text.startswith("{") else text
            raise StandinError(said) from None
