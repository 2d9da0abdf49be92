"""Which images ``*`` stands for: a project's, or all, as far as filters let them (section 4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kingbird.sync import image as fields
from kingbird.sync.image import Image

#: Without a filter only images with data are meant; a queued record has to be named by its id.
DEFAULT_STATUSES = ("active",)

#: Properties by which Glance is asked to filter.  Of other names some are attributes of its own
#: classes, and find nothing or end in a 500.
_PROPERTY = re.compile(r"(hw|img|hypervisor|os)_\w+")
_BOUND = re.compile(r"\w+_(min|max)")


@dataclass(frozen=True)
class Selection:
    """What a set with ``*`` selects.

    :ivar owner: the project whose images are meant; ``None`` for all.
    :ivar filters: by name, as :meth:`from_request` takes them.
    """

    owner: str | None
    filters: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def from_request(cls, owner: str | None, filters: Mapping[str, Any]) -> "Selection":
        """Read filters as the API stored them.

        :param filters: any of ``visibility``, ``owner``, ``name``, ``name_prefix``, ``tags``
            (all must match), ``properties``, ``size_min``, ``size_max`` (bytes),
            ``updated_since`` (as Glance writes times) and ``statuses``.
        """
        return cls(owner, tuple(sorted(_frozen(filters).items())))

    @property
    def _filters(self) -> dict[str, Any]:
        return dict(self.filters)

    @property
    def statuses(self) -> tuple[str, ...]:
        """The states of an image that may be a source."""
        return self._filters.get("statuses") or DEFAULT_STATUSES

    def matcher(self) -> "Matcher":
        """Return what tells whether an image is selected."""
        return Matcher(self)

    def query(self) -> list[tuple[str, str]]:
        """Return the parameters by which Glance can leave out what is not selected.

        What Glance might misunderstand isn't sent, nor a prefix, which it has no filter for:
        what comes back is held against the filters in any case.
        """
        given = self._filters
        query = [
            ("owner", self.owner or given.get("owner")),
            ("visibility", given.get("visibility")),
            ("name", given.get("name")),
            *(("tag", tag) for tag in given.get("tags", ()) if tag == tag.strip()),
            *given.get("properties", ()),
        ]
        # Before a colon Glance looks for an operator.
        plain = [
            (name, value)
            for name, value in query
            if value is not None and ":" not in value and _is_known(name)
        ]
        for name in ("size_min", "size_max"):
            if name in given:
                plain.append((name, str(given[name])))
        if "updated_since" in given:
            plain.append(("updated_at", f"gte:{given['updated_since']}"))
        statuses = self.statuses
        plain.append(("status", statuses[0] if len(statuses) == 1 else f"in:{','.join(statuses)}"))
        return plain


class Matcher:
    """Tells whether images are selected.  Called for each image of a region."""

    def __init__(self, selection: Selection) -> None:
        filters = dict(selection.filters)
        self._owners = {owner for owner in (selection.owner, filters.pop("owner", None)) if owner}
        self._statuses = frozenset(filters.pop("statuses", None) or DEFAULT_STATUSES)
        self._filters = filters

    def __call__(self, image: Image) -> bool:
        """Say whether an image, as Glance shows it, is selected."""
        if image.get("status") not in self._statuses:
            return False
        if self._owners and self._owners != {image.get("owner")}:
            return False
        return not self._filters or self._passes(image)

    def _passes(self, image: Image) -> bool:
        given = self._filters
        size = image.get("size")
        tags = image.get("tags") or ()
        return (
            all(image.get(name) == given[name] for name in ("visibility", "name") if name in given)
            and str(image.get("name") or "").startswith(given.get("name_prefix", ""))
            and all(tag in tags for tag in given.get("tags", ()))
            and all(image.get(name) == value for name, value in given.get("properties", ()))
            and ("size_min" not in given or (size is not None and size >= given["size_min"]))
            and ("size_max" not in given or (size is not None and size <= given["size_max"]))
            # Both in the form that Glance writes, which sorts as time goes.
            and (image.get("updated_at") or "") >= given.get("updated_since", "")
        )


def _is_known(name: str) -> bool:
    if name in ("owner", "visibility", "name", "tag"):
        return True
    known = fields.SET_BY_GLANCE.union(fields.COPIED)
    return bool(_PROPERTY.fullmatch(name)) and not _BOUND.fullmatch(name) and name not in known


def _frozen(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Make filters comparable, so that sets with the same ones are seen to have them."""
    return {
        name: tuple(sorted(value.items()))
        if isinstance(value, Mapping)
        else tuple(value)
        if isinstance(value, list | tuple)
        else value
        for name, value in filters.items()
    }
