"""A Glance of one region in memory, behind Kingbird's own client.

The double replaces HTTP below :class:`kingbird.clients.glance.ImageClient`.  The client's code
runs as in production: its queries are parsed and its bodies are JSON.
"""

import contextlib
import hashlib
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from kingbird import exception
from kingbird.clients import call_limits
from kingbird.clients.glance import ImageClient
from kingbird.tests.doubles import glance_imports as imports
from kingbird.tests.doubles import glance_lists as lists
from kingbird.tests.doubles import glance_members as members
from kingbird.tests.doubles import glance_metadefs as metadefs
from kingbird.tests.doubles import glance_rules as rules
from kingbird.tests.doubles.failures import AFTER, BEFORE, HALF_MADE, Failures, When
from kingbird.tests.doubles.glance_rules import Caller, Image
from kingbird.tests.doubles.glance_store import Record, Store, precise, seconds

__all__ = ["AFTER", "BEFORE", "HALF_MADE", "FakeGlance", "FakeImages", "refused", "unavailable"]


#: Bytes of the largest answer that Kingbird reads by default.
LARGEST_ANSWER = 32 << 20


def unavailable(status: int | None = 503, retry_after: int | None = None) -> Exception:
    """Return the error of a region that is unavailable, or that answers 429 or 5xx."""
    return exception.RegionUnavailable("The image service is away", status, retry_after)


def refused(status: int, message: str = "No.") -> Exception:
    """Return the error of a Glance that answers 4xx."""
    return exception.ImageRequestRejected(message, status)


class FakeGlance:
    """The images of all projects in one region.  Safe for threads.

    :param now: the clock of the region.
    """

    def __init__(self, region: str, now: Callable[[], datetime] | None = None) -> None:
        self.region = region
        self._now = now or (lambda: datetime.now(UTC))
        self._lock = threading.RLock()
        self._store = Store()
        self._failures = Failures()
        #: Each call, including failed ones: its name and its arguments.  ``list`` (one call a
        #: page) has the ids or else the parsed query.  ``get`` and ``members`` have the id,
        #: ``create`` the body, ``update`` the id and the operations.  ``share`` has the id and the
        #: project, ``accept`` the id, the project and the status, ``unshare`` the id and the
        #: project.  ``import``, ``tasks``, ``deactivate``, ``reactivate`` and ``delete`` have the
        #: id, ``methods`` nothing.  Those of metadata definitions are ``GET``, ``POST`` or ``PUT``
        #: and ``namespaces`` (a page), ``namespace`` or ``part``, with the path or the body.
        self.calls: list[tuple[str, Any]] = []
        #: The largest page, if it is smaller than the requested limit.
        self.page_size: int | None = None
        #: The most properties and tags of an image.
        self.quotas = rules.Quotas()
        #: A hook that gets the parsed query before each page of a list.  Tests use it to create
        #: and delete images during a walk.
        self.before_page: Callable[[dict[str, list[str]]], object] | None = None
        #: The methods of import that are enabled.
        self.import_methods = imports.METHODS
        #: The Glances of other regions by name, from which data are fetched.
        self.peers: dict[str, FakeGlance] = {}
        #: A hook that gets the id of an image whose import was accepted.  Without it imports wait
        #: until :meth:`run_imports`.
        self.on_import: Callable[[str], object] | None = None
        #: The metadata definitions.
        self.metadefs = metadefs.Metadefs()
        #: The imports of each image, the last one last.
        self._imports: dict[str, list[imports.Import]] = {}

    # Queries of tests.

    def images_for(
        self, project_id: str, is_admin: bool = False, roles: Sequence[str] | None = None
    ) -> "FakeImages":
        """Return the region as a user sees it.

        :param roles: roles of the user; by default those of a member or of an admin.
        """
        usual = rules.ADMIN_ROLES if is_admin else rules.MEMBER_ROLES
        return FakeImages(self, Caller(project_id, tuple(roles or usual)))

    def peek(self, image_id: str) -> Image | None:
        """Return an image of any owner, or ``None``, without counting a call."""
        with self._lock:
            record = self._store.get(image_id)
            return record.image if record else None

    def shares(self, image_id: str) -> dict[str, str]:
        """Return the status of each share of an image by project, without counting a call."""
        with self._lock:
            found = self._store.shares.get(image_id, {})
            return {project: member["status"] for project, member in found.items()}

    @property
    def ids(self) -> set[str]:
        """Return the ids of all existing images."""
        with self._lock:
            return set(self._store.ids)

    def count(self) -> Counter[str]:
        """Return the number of calls by name."""
        with self._lock:
            return Counter(method for method, _ in self.calls)

    # Methods that set up a scene.  They do not count as calls.

    def upload(self, image_id: str, data: bytes) -> Image:
        """Upload data to an image, which becomes active.

        :raises ValueError: the image has no formats, or has data already.
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
        """Deactivate an active image, so that only admins can download it."""
        with self._lock:
            return self._change(image_id, status="deactivated")

    def set_status(self, image_id: str, status: str) -> Image:
        """Give an image a status that no call gives, or only while it lasts.

        ``killed`` images, as failed uploads left them in old releases, are in no list.
        """
        with self._lock:
            if status in rules.UNLISTED:
                self._store.unlisted.add(image_id)
            return self._change(image_id, status=status)

    def delete(self, image_id: str) -> None:
        """Delete an image.  Its id stays taken.

        :raises kingbird.exception.ImageRequestRejected: 403, if the image is protected.
        """
        with self._lock:
            if self._there(image_id).image["protected"]:
                raise rules.refuse(403, f"Image {image_id} is protected and cannot be deleted.")
            self._store.delete(image_id)

    def begin_import(self, image_id: str) -> Image:
        """Let an import that waits begin."""
        with self._lock:
            self._import_of(image_id).change("processing", seconds(self._moment()))
            return self._change(image_id, **imports.begun())

    def finish_import(self, image_id: str, data: bytes | None = None) -> Image:
        """Let an import end: with the source's data, or as a failure if it is not active.

        :param data: the data that this Glance makes of those of the source.
        """
        with self._lock:
            one = self._import_of(image_id)
            peer = self.peers.get(one.region)
            source = peer.peek(one.source_id) if peer else None
            if source is None or source["status"] != "active":
                return self.fail_import(image_id)
            one.change("success", seconds(self._moment()))
            image = self._change(image_id, **imports.arrived(source), **{imports.LOCK: ""})
            if data is not None:
                self._change(image_id, status="queued")
                image = self.upload(image_id, data)
            return image

    def fail_import(self, image_id: str, *, late: bool = False) -> Image:
        """Let an import fail: before it got any data, or late, so that the lock stays."""
        with self._lock:
            one = self._import_of(image_id)
            one.change("failure", seconds(self._moment()))
            one.late = late
            lock = {} if late else {imports.LOCK: ""}
            return self._change(image_id, **imports.failed(late=late), **lock)

    def free(self, image_id: str) -> None:
        """Let the lock of an import that failed late be an hour old, so that it binds no more."""
        with self._lock:
            self._import_of(image_id).late = False

    def run_imports(self) -> None:
        """Let all imports that wait or run end."""
        with self._lock:
            for image_id, made in self._imports.items():
                if made[-1].is_alive and self._store.get(image_id):
                    self.finish_import(image_id)

    def importing(self) -> set[str]:
        """Return the images whose import waits or runs."""
        with self._lock:
            return {image_id for image_id, made in self._imports.items() if made[-1].is_alive}

    def purge(self) -> None:
        """Forget deleted images, as ``glance-manage db purge_images_table`` does."""
        with self._lock:
            self._store.purge()

    def fill(self, records: Iterable[Record]) -> int:
        """Add many images at once and return the number of new ones."""
        with self._lock:
            return self._store.fill(records)

    def clear(self) -> None:
        """Forget all images."""
        with self._lock:
            self._store.clear()

    def share(self, image_id: str, project: str, status: str = "accepted") -> None:
        """Share an image with a project.

        :raises kingbird.exception.ImageRequestRejected: 403, because only shared images have
            members.
        """
        with self._lock:
            if self._there(image_id).visibility != "shared":
                raise rules.refuse(403, "Only shared images have members.")
            made = members.new_member(image_id, project, status, seconds(self._moment()))
            self._store.shares.setdefault(image_id, {})[project] = made

    def fail(
        self,
        method: str,
        error: Exception | Callable[[Any], Exception | None],
        times: int | None = 1,
        *,
        when: When = BEFORE,
    ) -> None:
        """Let calls fail.

        :param method: ``list``, ``get``, ``create``, ``update``, ``delete``, ``members``,
            ``share``, ``accept``, ``unshare``, ``import``, ``tasks``, ``methods``, or ``*`` for
            all.
        :param error: the error to raise, or a function that returns it for the detail of a call.
            If the function returns ``None``, the call passes and does not count.
        :param times: the number of calls that fail; ``None`` for all until :meth:`heal`.
        :param when: ``BEFORE`` the effect, ``AFTER`` it (the response is lost), or ``HALF_MADE``:
            a create leaves the record without its tags.
        """
        self._failures.add(method, error, times, when)

    def heal(self) -> None:
        """Drop all injected failures."""
        self._failures.clear()

    # Calls of the clients.

    def handle(self, caller: Caller, method: str, url: str, body: Any) -> bytes:
        """Answer a call as Glance would, in JSON.

        :param body: the parsed body of the call.
        :raises kingbird.exception.KingbirdError: the error of the client.
        """
        parts = urlsplit(url)
        if parts.path == "/v2/info/import":
            return self._do("methods", None, lambda _: imports.shown_methods(self.import_methods))
        if parts.path.startswith(metadefs.ROOT):
            return self._handle_metadefs(caller, method, parts, body)
        path = parts.path.removeprefix("/v2/images").strip("/")
        image_id, _, rest = path.partition("/")
        if (method, rest) == ("POST", "import"):
            return self._do("import", image_id, lambda _: self._import(caller, image_id, body))
        if (method, rest) == ("GET", "tasks"):
            return self._do("tasks", image_id, lambda _: self._tasks(caller, image_id))
        if method == "POST" and rest in ("actions/deactivate", "actions/reactivate"):
            action = rest.removeprefix("actions/")
            return self._do(action, image_id, lambda _: self._act(caller, image_id, action))
        if rest:
            return self._handle_members(caller, method, image_id, rest, body)
        if method == "GET" and not image_id:
            return self._handle_list(caller, parts.query)
        if method == "GET":
            return self._do("get", image_id, lambda _: self._seen(caller, image_id).body)
        if method == "POST" and not image_id:
            return self._do("create", body, lambda half: self._create(caller, body, half))
        if method == "DELETE":
            return self._do("delete", image_id, lambda _: self._delete(caller, image_id))
        if method == "PATCH":
            return self._do(
                "update", (image_id, body), lambda _: self._update(caller, image_id, body)
            )
        raise AssertionError(f"The double knows no {method} {url}")

    def _handle_metadefs(
        self, caller: Caller, method: str, parts: SplitResult, body: Any
    ) -> bytes:
        path = parts.path.removeprefix(metadefs.ROOT).strip("/")
        name, _, rest = path.partition("/")
        kind = "part" if rest else "namespace" if name or method == "POST" else "namespaces"

        def effect(half: bool) -> bytes:
            now = seconds(self._moment())
            return _dumped(
                self.metadefs.handle(caller, method, path, parts.query, body, now, half)
            )

        return self._do(f"{method} {kind}", unquote(path) or body, effect)

    def _handle_list(self, caller: Caller, query: str) -> bytes:
        def effect(_: bool) -> bytes:
            if self.before_page is not None:
                self.before_page(parse_qs(query))
            return lists.page(caller, self._store, lists.parse(query), self.page_size)

        return self._do("list", _asked(query), effect)

    def _handle_members(
        self, caller: Caller, method: str, image_id: str, path: str, body: Any
    ) -> bytes:
        project = unquote(path.removeprefix("members").removeprefix("/"))
        now = seconds(self._moment())
        if path.startswith("members"):
            if method == "GET" and not project:
                return self._do(
                    "members",
                    image_id,
                    lambda _: _dumped(members.list_members(caller, self._store, image_id)),
                )
            if method == "POST" and not project:
                return self._do(
                    "share",
                    (image_id, body.get("member") if isinstance(body, dict) else None),
                    lambda _: _dumped(members.add(caller, self._store, image_id, body, now)),
                )
            if method == "PUT" and project:
                return self._do(
                    "accept",
                    (image_id, project, body.get("status") if isinstance(body, dict) else None),
                    lambda _: _dumped(
                        members.answer(caller, self._store, image_id, project, body, now)
                    ),
                )
            if method == "DELETE" and project:

                def remove(_: bool) -> bytes:
                    members.remove(caller, self._store, image_id, project)
                    return b""

                return self._do("unshare", (image_id, project), remove)
        raise AssertionError(f"The double knows no {method} {image_id}/{path}")

    def _note(self, method: str, detail: Any) -> None:
        with self._lock:
            self.calls.append((method, detail))

    def _do(self, method: str, detail: Any, effect: Callable[[bool], bytes]) -> bytes:
        self._note(method, detail)
        failure, error = self._failures.take(method, detail)
        if error is not None and failure == BEFORE:
            raise error
        with self._lock:
            if error is None:
                return effect(False)
            # The caller never sees the result or the error of the effect.
            with contextlib.suppress(exception.KingbirdError):
                effect(failure == HALF_MADE)
        raise error

    def _create(self, caller: Caller, body: Any, half_made: bool) -> bytes:
        if not isinstance(body, dict):
            raise unavailable(500)
        now = self._moment()
        image = rules.new_image(caller, body, str(uuid.uuid4()), seconds(now), self.quotas)
        if self._store.taken(image["id"]):
            raise rules.refuse(409, f"Image ID {image['id']} already exists!")
        record = Record(image, now, now)
        if half_made or not rules.can_store(image["tags"]):
            # Glance stores tags last, so refused tags leave a half-made record too.
            self._store.put(Record({**image, "tags": []}, now, now))
            rules.check_tags(image["tags"])
        else:
            self._store.put(record)
        return record.body

    def _update(self, caller: Caller, image_id: str, body: Any) -> bytes:
        if not isinstance(body, list):
            raise rules.refuse(400, "Request body must be a JSON array of operation objects.")
        changes = [rules.parse_change(change) for change in body]
        record = self._seen(caller, image_id)
        if not changes:
            return record.body
        old, now = record.image, self._moment()
        new = rules.changed_image(caller, old, changes, seconds(now), self.quotas)
        if not rules.can_store(new["tags"]):
            self._store.put(Record({**new, "tags": old["tags"]}, record.created, now))
            rules.check_tags(new["tags"])
        changed = Record(new, record.created, now)
        self._store.put(changed)
        if not rules.sees(caller, changed, self._store.shares):
            # A member gives its image away.  The change is stored, but Glance cannot show the
            # image.
            raise rules.refuse(403, f"Forbidding request, image {image_id} not visible")
        return changed.body

    def _delete(self, caller: Caller, image_id: str) -> bytes:
        image = self._seen(caller, image_id).image
        if image["protected"]:
            raise rules.refuse(403, f"Image {image_id} is protected and cannot be deleted.")
        if not caller.may("member", image["owner"]):
            raise rules.refuse(403, "You are not authorized to complete delete_image action.")
        self._store.delete(image_id)
        return b""

    def _import(self, caller: Caller, image_id: str, body: Any) -> bytes:
        image = self._seen(caller, image_id).image
        made = self._imports.setdefault(image_id, [])
        if made and not made[-1].late and not made[-1].is_alive:
            # A lock that is an hour old is taken over.
            image.pop(imports.LOCK, None)
        region, source_id = imports.check(caller, image, body, self.import_methods)
        one = imports.Import(region, source_id, seconds(self._moment()), caller.project)
        made.append(one)
        failed = {name: image[name] for name in (imports.FAILED,) if image.get(name)}
        self._change(image_id, **{**imports.accepted(one), **failed})
        if self.on_import is not None:
            self.on_import(image_id)
        return b""

    def _tasks(self, caller: Caller, image_id: str) -> bytes:
        self._seen(caller, image_id)
        return _dumped({"tasks": [one.task for one in self._imports.get(image_id, ())]})

    def _import_of(self, image_id: str) -> imports.Import:
        return self._imports[image_id][-1]

    def _act(self, caller: Caller, image_id: str, action: str) -> bytes:
        record = self._seen(caller, image_id)
        status = rules.status_after(caller, record.image, action)
        if status != record.image["status"]:
            self._change(image_id, status=status)
        return b""

    def _seen(self, caller: Caller, image_id: str) -> Record:
        record = self._store.get(image_id)
        if record is None or not rules.sees(caller, record, self._store.shares):
            raise rules.refuse(404, f"No image found with ID {image_id}")
        return record

    def _there(self, image_id: str) -> Record:
        record = self._store.get(image_id)
        if record is None:
            raise KeyError(image_id)
        return record

    def _change(self, image_id: str, **fields: Any) -> Image:
        record, now = self._there(image_id), self._moment()
        changed = {**record.image, **fields, "updated_at": seconds(now)}
        # An empty lock is none.
        if not changed.get(imports.LOCK):
            changed.pop(imports.LOCK, None)
        image = rules.shown(changed)
        self._store.put(Record(image, record.created, now))
        return image

    def _moment(self) -> str:
        return precise(self._now())


class FakeImages(ImageClient):
    """The images of one region as one user sees them: the real client without HTTP."""

    def __init__(self, glance: FakeGlance, caller: Caller) -> None:
        # The parent's constructor would create an HTTP client.
        self.region = glance.region
        self._http: Any = _Transport(glance, caller)


class _Transport:
    """The HTTP client of one user, whose calls go to a double."""

    def __init__(self, glance: FakeGlance, caller: Caller) -> None:
        self.session = SimpleNamespace(timeout=None)
        self._glance = glance
        self._caller = caller

    def request(self, url: str, method: str, **kwargs: Any) -> tuple[None, bytes]:
        body = json.loads(kwargs["data"]) if "data" in kwargs else None
        answer = self._glance.handle(self._caller, method, url, body)
        if len(answer) > call_limits.size_to_read(LARGEST_ANSWER):
            raise exception.AnswerTooLarge("The answer is too large")
        return None, answer


def _dumped(answer: Any) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


def _asked(query: str) -> tuple[str, ...] | dict[str, list[str]]:
    parsed = parse_qs(query, keep_blank_values=True)
    if "id" not in parsed:
        return parsed
    ids = tuple(parsed["id"][-1].removeprefix("in:").split(","))
    assert len(ids) <= 100, "more than 100 ids in one call"
    return ids
