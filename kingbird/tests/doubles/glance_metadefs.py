"""The namespaces of metadata definitions of one region, by the rules of Glance 33.

``kingbird/tests/functional/test_glance_contract_metadefs.py`` runs on it and on a real Glance.
"""

import copy
from typing import Any
from urllib.parse import parse_qs, unquote

from kingbird import exception
from kingbird.tests.doubles import glance_rules as rules
from kingbird.tests.doubles.glance_rules import Caller

Namespace = dict[str, Any]

ROOT = "/v2/metadefs/namespaces"
#: The field of a namespace that has the parts of a path.
_LISTS = {
    "properties": "properties",
    "objects": "objects",
    "tags": "tags",
    "resource_types": "resource_type_associations",
}
_SETTABLE = frozenset(
    {
        *("namespace", "display_name", "description", "visibility", "protected", "owner"),
        *_LISTS.values(),
    }
)
_READ_ONLY = ("self", "schema", "created_at", "updated_at")
#: The largest number of characters of a name.
MAX_NAME = 80


class Metadefs:
    """The namespaces of a region.  Its caller has a lock."""

    def __init__(self) -> None:
        self.namespaces: dict[str, Namespace] = {}

    def handle(
        self, caller: Caller, method: str, path: str, query: str, body: Any, now: str, half: bool
    ) -> Any:
        """Answer a call.

        :param path: what follows the path of the list.
        :param half: whether a POST of a namespace stops after its objects.
        :raises kingbird.exception.ImageRequestRejected: Glance refuses.
        """
        name, *rest = [unquote(one) for one in path.strip("/").split("/")]
        if method == "GET" and not name:
            return self._page(caller, {key: value[-1] for key, value in parse_qs(query).items()})
        if method == "GET":
            return self._shown(self._seen(caller, name))
        if "admin" not in caller.roles:
            raise rules.refuse(403, "You are not authorized to complete this action.")
        if method == "POST" and not name:
            return self._create(caller, body, now, half)
        namespace = self._seen(caller, name)
        if not rest:
            return self._update(caller, namespace, body, now)
        return self._write_part(namespace, method, rest[0], rest[1:], body, now)

    def _page(self, caller: Caller, query: dict[str, str]) -> dict[str, Any]:
        names = sorted(one for one in self.namespaces if self._is_visible(caller, one))
        marker = query.get("marker")
        if marker is not None:
            if marker not in names:
                raise rules.refuse(404, f"Metadata definition namespace={marker} was not found.")
            names = names[names.index(marker) + 1 :]
        limit = int(query.get("limit", 25))
        page = names[:limit]
        answer: dict[str, Any] = {
            "namespaces": [
                {
                    key: value
                    for key, value in self._shown(self.namespaces[one]).items()
                    if key not in ("properties", "objects", "tags")
                }
                for one in page
            ]
        }
        if page and len(page) == limit:
            answer["next"] = f"{ROOT}?marker={page[-1]}"
        return answer

    def _is_visible(self, caller: Caller, name: str) -> bool:
        namespace = self.namespaces[name]
        return (
            "admin" in caller.roles
            or namespace["visibility"] == "public"
            or namespace["owner"] == caller.project
        )

    def _seen(self, caller: Caller, name: str) -> Namespace:
        if name not in self.namespaces or not self._is_visible(caller, name):
            raise rules.refuse(404, f"Metadata definition namespace={name} was not found.")
        return self.namespaces[name]

    @staticmethod
    def _shown(namespace: Namespace) -> Namespace:
        """Return what Glance shows: no empty list, nothing that is null."""
        shown = copy.deepcopy({k: v for k, v in namespace.items() if v not in (None, [], {})})
        shown["self"] = f"{ROOT}/{namespace['namespace']}"
        shown["schema"] = "/v2/schemas/metadefs/namespace"
        for one in shown.get("objects", ()):
            one["schema"] = "/v2/schemas/metadefs/object"
            one["self"] = f"{shown['self']}/objects/{one['name']}"
        return shown

    def _create(self, caller: Caller, body: Any, now: str, half: bool) -> Namespace:
        self._check(body)
        if body["namespace"] in self.namespaces:
            raise rules.refuse(
                409, f"The metadata definition namespace={body['namespace']} already exists."
            )
        made = {
            "visibility": "private",
            "protected": False,
            "owner": caller.project,
            **{name: body[name] for name in _SETTABLE - {*_LISTS.values()} if name in body},
            "created_at": now,
            "updated_at": now,
        }
        self.namespaces[body["namespace"]] = made
        try:
            self._add_parts(made, body, now, half)
        except exception.ImageRequestRejected:
            # Glance can't take back what is protected.
            if not made["protected"]:
                del self.namespaces[body["namespace"]]
            raise
        return self._shown(made)

    def _add_parts(self, made: Namespace, body: Any, now: str, half: bool) -> None:
        for path in ("resource_types", "objects"):
            for one in body.get(_LISTS[path], ()):
                self._add(made, path, one, now)
        if half:
            return
        for one in body.get("tags", ()):
            self._add(made, "tags", one, now)
        made["properties"] = copy.deepcopy(body.get("properties", {}))

    def _update(self, caller: Caller, namespace: Namespace, body: Any, now: str) -> Namespace:
        self._check(body)
        del self.namespaces[namespace["namespace"]]
        namespace.update(
            namespace=body["namespace"],
            display_name=body.get("display_name"),
            description=body.get("description"),
            visibility=body.get("visibility") or "private",
            protected=body.get("protected") or False,
            owner=body.get("owner") or caller.project,
            updated_at=now,
        )
        self.namespaces[body["namespace"]] = namespace
        return self._shown(namespace)

    @staticmethod
    def _check(body: Any) -> None:
        if not isinstance(body, dict) or not isinstance(body.get("namespace"), str):
            raise rules.refuse(400, "'namespace' is a required property")
        for name in _READ_ONLY:
            if name in body:
                raise rules.refuse(403, f"Attribute '{name}' is read-only.")
        unknown = body.keys() - _SETTABLE
        if unknown:
            raise rules.refuse(400, f"Additional properties are not allowed ({min(unknown)!r})")
        if len(body["namespace"]) > MAX_NAME:
            raise rules.refuse(400, f"'{body['namespace']}' is too long")
        for one in body.get("properties", {}).values():
            if not {"title", "type"} <= one.keys():
                raise rules.refuse(400, "'title' is a required property")

    def _write_part(
        self,
        namespace: Namespace,
        method: str,
        path: str,
        names: list[str],
        body: Any,
        now: str,
    ) -> Any:
        if method == "POST":
            return self._add(namespace, path, {"name": names[0]} if names else body, now)
        if (method, path) == ("PUT", "properties"):
            properties = namespace.get("properties", {})
            self._check_known(names[0] in properties, names[0])
            properties[names[0]] = copy.deepcopy(body)
            return body
        if (method, path) == ("PUT", "objects"):
            known = [one for one in namespace.get("objects", ()) if one["name"] == names[0]]
            self._check_known(bool(known), names[0])
            made = {"created_at": known[0]["created_at"], "updated_at": now}
            known[0].clear()
            known[0].update(copy.deepcopy(body), **made)
            return body
        raise AssertionError(f"The double knows no {method} of {path}")

    @staticmethod
    def _check_known(known: bool, name: str) -> None:
        if not known:
            raise rules.refuse(404, f"Metadata definition {name} was not found.")

    @staticmethod
    def _add(namespace: Namespace, path: str, body: Any, now: str) -> Any:
        """Add a part."""
        body = copy.deepcopy(body)
        if path == "properties":
            # By a call of its own: it has its name inside as well.
            known = namespace.setdefault("properties", {})
            if body["name"] in known:
                raise rules.refuse(409, f"{body['name']} already exists.")
            known[body["name"]] = body
            return body
        some = namespace.setdefault(_LISTS[path], [])
        if any(one["name"] == body["name"] for one in some):
            raise rules.refuse(409, f"{body['name']} already exists.")
        times = {} if path == "tags" else {"created_at": now, "updated_at": now}
        some.append({**body, **times})
        return body
