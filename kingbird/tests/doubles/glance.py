"""A Glance of one region in memory, behind Kingbird's own client.

The double takes the place of HTTP below :class:`kingbird.clients.glance.Images`, so the
client's code runs as it does in production: its queries are parsed and its bodies are JSON.
"""

import contextlib
import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kingbird import exception
from kingbird.clients.glance import Images
from kingbird.tests.doubles import glance_rules as rules
from kingbird.tests.doubles.failures import AFTER, BEFORE, HALF_MADE, Failures, When
from kingbird.tests.doubles.glance_rules import Caller, Image, Stored

__all__ = ["AFTER", "BEFORE", "HALF_MADE", "FakeGlance", "FakeImages", "refused", "unavailable"]


def unavailable(status: int | None = 503, retry_after: int | None = None) -> Exception:
    """Make the error of a region that is away, or that answers 429 or 5xx."""
    return exception.RegionUnavailable("The image service is away", status, retry_after)


def refused(status: int, message: str = "No.") -> Exception:
    """Make the error of a Glance that answers 4xx."""
    return exception.ImageRefused(message, status)


class FakeGlance:
    """One region's images, of all projects.  Safe for threads.

    :param now: the region's clock.
    """

    def __init__(self, region: str, now: Callable[[], datetime] | None = None) -> None:
        self.region = region
        self._now = now or (lambda: datetime.now(UTC))
        self._lock = threading.RLock()
        self._stored: dict[str, Stored] = {}
        self._failures = Failures()
        #: Every call that came, failed ones too: ``list``, ``get``, ``create`` or ``update``,
        #: and the ids asked for, the id, the body, or id and operations.
        self.calls: list[tuple[str, Any]] = []

    # What tests ask.

    def images_for(
        self, project_id: str, is_admin: bool = False, roles: Sequence[str] | None = None
    ) -> "FakeImages":
        """Return the region as a user sees it.

        :param roles: instead of those of a member, or of an admin.
        """
        usual = rules.ADMIN_ROLES if is_admin else rules.MEMBER_ROLES
        return FakeImages(self, Caller(project_id, tuple(roles or usual)))

    def peek(self, image_id: str) -> Image | None:
        """Return an image whoever owns it, without a call; ``None`` if there is none."""
        with self._lock:
            stored = self._stored.get(image_id)
            return _copy(stored.image) if stored and not stored.deleted else None

    @property
    def ids(self) -> set[str]:
        """The ids of all images that are there."""
        with self._lock:
            return {key for key, stored in self._stored.items() if not stored.deleted}

    def count(self) -> Counter[str]:
        """Return how many calls of each kind came."""
        with self._lock:
            return Counter(method for method, _ in self.calls)

    # What sets the scene.  None of it counts as a call.

    def upload(self, image_id: str, data: bytes) -> Image:
        """Give an image its data; it becomes active.

        :raises ValueError: it has no formats, or has data already.
        """
        with self._lock:
            image = self._there(image_id).image
            if not (image["disk_format"] and image["container_format"]):
                raise ValueError("Properties disk_format, container_format must be set")
            if image["status"] != "queued":
                raise ValueError(f"The image is {image['status']}")
            return self._change(
                image_id,
                status="active",
                size=len(data),
                virtual_size=len(data) if image["disk_format"] == "raw" else None,
                checksum=hashlib.md5(data, usedforsecurity=False).hexdigest(),
                os_hash_algo="sha512",
                os_hash_value=hashlib.sha512(data).hexdigest(),
                direct_url=f"file:///{self.region}/{image_id}",
                stores="files",
            )

    def deactivate(self, image_id: str) -> Image:
        """Make an active image one that only admins can download."""
        with self._lock:
            return self._change(image_id, status="deactivated")

    def delete(self, image_id: str) -> None:
        """Delete an image.  Its id stays taken.

        :raises kingbird.exception.ImageRefused: 403, as the image is protected.
        """
        with self._lock:
            stored = self._there(image_id)
            if stored.image["protected"]:
                raise rules.refuse(403, f"Image {image_id} is protected and cannot be deleted.")
            stored.deleted = True

    def purge(self) -> None:
        """Forget deleted images, as ``glance-manage db purge_images_table`` does."""
        with self._lock:
            self._stored = {k: stored for k, stored in self._stored.items() if not stored.deleted}

    def share(self, image_id: str, project: str, status: str = "accepted") -> None:
        """Share an image with a project.

        :raises kingbird.exception.ImageRefused: 403, as only shared images have members.
        """
        with self._lock:
            stored = self._there(image_id)
            if stored.image["visibility"] != "shared":
                raise rules.refuse(403, "Only shared images have members.")
            stored.members[project] = status

    def fail(
        self,
        method: str,
        error: Exception | Callable[[Any], Exception | None],
        times: int | None = 1,
        *,
        when: When = BEFORE,
    ) -> None:
        """Let calls fail.

        :param method: ``list``, ``get``, ``create``, ``update``, or ``*`` for all.
        :param error: what is raised; or what makes it from a call's detail, ``None`` to let
            that call through, which then does not count.
        :param times: how many calls fail; ``None`` for all until :meth:`heal`.
        :param when: ``BEFORE`` the effect, ``AFTER`` it (the answer is lost), or
            ``HALF_MADE``: a create leaves the record without its tags.
        """
        self._failures.add(method, error, times, when)

    def heal(self) -> None:
        """Let no call fail any more."""
        self._failures.clear()

    # What the clients' calls do.

    def handle(self, caller: Caller, method: str, url: str, body: Any) -> Any:
        """Answer a call as Glance would."""
        parts = urlsplit(url)
        image_id = parts.path.removeprefix("/v2/images").removeprefix("/")
        if method == "GET" and not image_id:
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            return self._do("list", _ids(query), lambda _: self._list(caller, query))
        if method == "GET":
            return self._do("get", image_id, lambda _: _copy(self._seen(caller, image_id).image))
        if method == "POST" and not image_id:
            return self._do("create", body, lambda half: self._create(caller, body, half))
        if method == "PATCH":
            return self._do(
                "update", (image_id, body), lambda _: self._update(caller, image_id, body)
            )
        raise AssertionError(f"The double knows no {method} {url}")

    def _do(self, method: str, detail: Any, effect: Callable[[bool], Any]) -> Any:
        with self._lock:
            self.calls.append((method, detail))
        failure, error = self._failures.take(method, detail)
        if error is not None and failure == BEFORE:
            raise error
        with self._lock:
            if error is None:
                return effect(False)
            # What the effect has to say, an error too, does not arrive.
            with contextlib.suppress(exception.KingbirdError):
                effect(failure == HALF_MADE)
        raise error

    def _list(self, caller: Caller, query: dict[str, str]) -> Any:
        filters = dict(query)
        ids = _ids(filters)
        filters.pop("id", None)
        visibility = filters.pop("visibility", None)
        member_status = filters.pop("member_status", "accepted")
        hidden = filters.pop("os_hidden", "false") == "true"
        limit = min(int(filters.pop("limit", "25")), 1000)
        if filters:
            raise AssertionError(f"The double knows no filters {sorted(filters)}")
        if not {"admin", "reader"} & {*caller.roles}:
            raise rules.refuse(403, "You are not authorized to complete get_images action.")
        found = [
            stored.image
            for image_id, stored in self._stored.items()
            if (ids is None or image_id in ids)
            and rules.lists(
                caller, stored, visibility=visibility, member_status=member_status, hidden=hidden
            )
        ]
        if len(found) > limit:
            raise AssertionError("The double has no pages")
        # Newest first, as Glance does unless told otherwise.
        return {"images": [_copy(image) for image in reversed(found)]}

    def _create(self, caller: Caller, body: Any, half_made: bool) -> Image:
        if not isinstance(body, dict):
            raise unavailable(500)
        image = rules.new_image(caller, body, str(uuid.uuid4()), self._moment())
        if image["id"] in self._stored:
            raise rules.refuse(409, f"Image ID {image['id']} already exists!")
        stored = self._stored[image["id"]] = Stored({**image, "tags": []})
        # Glance stores tags last, so a refusal of theirs leaves a half-made record too.
        rules.check_tags(image["tags"])
        if not half_made:
            stored.image = image
        return _copy(image)

    def _update(self, caller: Caller, image_id: str, body: Any) -> Image:
        if not isinstance(body, list):
            raise rules.refuse(400, "Request body must be a JSON array of operation objects.")
        changes = [rules.parse_change(change) for change in body]
        stored = self._seen(caller, image_id)
        old = stored.image
        new = rules.changed_image(caller, old, changes, self._moment())
        stored.image = {**new, "tags": old["tags"]}
        rules.check_tags(new["tags"])
        stored.image = new
        if not rules.sees(caller, stored):
            # A member that gives its image away: done, but the answer can't be shown.
            raise rules.refuse(403, f"Forbidding request, image {image_id} not visible")
        return _copy(stored.image)

    def _seen(self, caller: Caller, image_id: str) -> Stored:
        stored = self._stored.get(image_id)
        if stored is None or not rules.sees(caller, stored):
            raise rules.refuse(404, f"No image found with ID {image_id}")
        return stored

    def _there(self, image_id: str) -> Stored:
        stored = self._stored[image_id]
        if stored.deleted:
            raise KeyError(image_id)
        return stored

    def _change(self, image_id: str, **fields: Any) -> Image:
        stored = self._there(image_id)
        stored.image = rules.shown({**stored.image, **fields, "updated_at": self._moment()})
        return _copy(stored.image)

    def _moment(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeImages(Images):
    """The images of one region as one user sees them: the real client without its HTTP."""

    def __init__(self, glance: FakeGlance, caller: Caller) -> None:
        # Not the parent's: it would make an HTTP client.
        self.region = glance.region
        self._glance = glance
        self._caller = caller

    def _fetch(self, method: str, url: str, **kwargs: Any) -> bytes:
        body = json.loads(kwargs["data"]) if "data" in kwargs else None
        return json.dumps(self._glance.handle(self._caller, method, url, body)).encode()


def _copy(image: Image) -> Image:
    copied: Image = json.loads(json.dumps(image))
    return copied


def _ids(query: dict[str, str]) -> tuple[str, ...] | None:
    if "id" not in query:
        return None
    ids = tuple(query["id"].removeprefix("in:").split(","))
    assert len(ids) <= 100, "more than 100 ids in one call"
    return ids
