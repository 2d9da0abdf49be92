"""How far a job is: for the list, for its own page and for their live views."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from kingbird_dashboard.content import ages, cells, resource_types, sentences
from kingbird_dashboard.content.names import visible

_OPEN = "IN_PROGRESS"
#: The states of data that are, or were, to be imported.
_DATA = ("pending", "importing", "active", "failed")
#: The rows of a job that a page shows.
ROWS = 200


@dataclass(frozen=True)
class Progress:
    """A job, as far as it is.

    :ivar to_do: the records that a preview would write.
    """

    id: str
    status: str
    status_text: str
    phase_text: str
    done: int
    total: int
    percent: int
    took: str
    began: str
    origin: str
    asked: str
    is_preview: bool
    to_do: int
    failed: int
    project_id: str = ""

    @property
    def is_open(self) -> bool:
        return self.status == _OPEN

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "is_open": self.is_open}


@dataclass(frozen=True)
class RegionProgress:
    """How far a job is in a region."""

    name: str
    percent: int
    text: str
    failed: int
    is_open: bool


@dataclass(frozen=True)
class ItemRow:
    """A resource of a job with a cell for each region; ``None`` where it has no item.

    :ivar id: an image's id, the name of a namespace, or ``*`` for all.
    :ivar name: a text for people; empty for an image without a name.
    :ivar has_page: whether it is an image, which has a page of its own.
    """

    id: str
    name: str
    has_page: bool
    cells: tuple[tuple[str, cells.Cell | None], ...]
    messages: tuple[tuple[str, str], ...]


def status_word(status: str) -> str:
    """Return the word for a job's state."""
    words = {
        _OPEN: _("In progress"),
        "SUCCESS": _("Done"),
        "FAILURE": _("Failed in part"),
        "CANCELLED": _("Cancelled"),
    }
    return words.get(status, status)


def detail_of(job_id: str, newest: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the details of a job, if it is one of the newest."""
    return next((job for job in newest if job["id"] == job_id), None)


def of_detail(job: dict[str, Any]) -> Progress:
    """Return the progress of a job in the list of details."""
    return of_job(job, job)


def of_job(job: dict[str, Any], detail: dict[str, Any] | None) -> Progress:
    """Return the progress of a job.

    :param job: the job with the numbers of its items.
    :param detail: the job in the list of details; ``None`` if it is not known.
    """
    statuses, more = job["statuses"], detail or {}
    total = sum(statuses.values())
    done = total - statuses.get(_OPEN, 0)
    is_open = job["sync_status"] == _OPEN
    ended = more.get("ended_at") or (None if is_open else job["updated_at"])
    return Progress(
        id=job["id"],
        status=job["sync_status"],
        status_text=status_word(job["sync_status"]),
        phase_text=" · ".join(filter(None, (_phase(more, job), _waits(job)))) if is_open else "",
        done=done,
        total=total,
        percent=_percent(done, total, is_open),
        took=ages.between(job["created_at"], ended),
        began=ages.since(job["created_at"]),
        origin=_origin(more),
        asked="; ".join(asked(more)[:2]) if more else "",
        is_preview=job["dry_run"],
        to_do=to_do(job, more) if job["dry_run"] else 0,
        failed=sum(statuses.get(name, 0) for name in ("FAILURE", "SKIPPED", "CANCELLED")),
        project_id=more.get("project_id") or "",
    )


def to_do(job: dict[str, Any], detail: dict[str, Any]) -> int:
    """Return the number of records that a preview would write, as far as its numbers tell."""
    found, sets = job["outcomes"], detail.get("request") or []
    words = ["missing", "same_name"]
    words += ["drift"] if any(each["on_drift"] == "update" for each in sets) else []
    words += ["no_data"] if any(each.get("data") == "import" for each in sets) else []
    return sum(found.get(word, 0) for word in words)


def _percent(done: int, total: int, is_open: bool) -> int:
    if not total:
        return 0 if is_open else 100
    # The last one is not done before the job is.
    return min(99, 100 * done // total) if is_open else 100 * done // total


def _phase(detail: dict[str, Any], job: dict[str, Any]) -> str:
    phase = detail.get("phase")
    if phase == "planning":
        read = [
            _("%(region)s: %(number)s images read") % {"region": region, "number": f"{number:,}"}
            for region, number in sorted((detail.get("listed") or {}).items())
        ]
        return " · ".join(read) or _("comparing the regions")
    if phase == "data":
        numbers = {state: one["items"] for state, one in (job.get("data") or {}).items()}
        return _("Glance fetches the data: %(there)d of %(all)d") % {
            "there": numbers.get("active", 0),
            "all": sum(numbers.get(name, 0) for name in _DATA),
        }
    return _("writing records") if phase == "writing" else ""


def _waits(job: dict[str, Any]) -> str:
    """Return a sentence about the regions that are away, or nothing."""
    names = job.get("waits_for") or ()
    return _("waits for %s to be back") % ", ".join(map(visible, names)) if names else ""


def _origin(detail: dict[str, Any]) -> str:
    words = {
        "user": _("by hand"),
        "rule": _("by a rule"),
        "event": _("by a rule, after an upload"),
    }
    return words.get(detail.get("origin") or "", "")


def asked(detail: dict[str, Any]) -> list[str]:
    """Return a sentence for each set of a request."""
    return [_asked(each) for each in detail.get("request") or ()]


def _asked(each: dict[str, Any]) -> str:
    where = {
        "what": resource_types.amount(each, each["resources"], each["resources_total"]),
        "source": _regions(each["source"]),
        "target": _regions(each["target"]),
    }
    text = _("%(what)s from %(source)s to %(target)s") % where
    extras = [
        (each.get("on_drift") == "update", _("with updates")),
        (each.get("force"), _("under other ids")),
        (each.get("data") == "import", _("with data")),
        (each.get("filters"), _("filtered")),
    ]
    return ", ".join([text, *(word for is_so, word in extras if is_so)])


def _regions(names: Sequence[str]) -> str:
    return _("every region") if "*" in names else ", ".join(names)


def columns(answer: dict[str, Any]) -> list[str]:
    """Return the regions of a job and its items; a job that is not planned has items alone."""
    return sorted(
        {*answer["job"]["regions"], *(one["target_region"] for one in answer["job_set"])}
    )


def of_regions(job: dict[str, Any], names: Sequence[str]) -> list[RegionProgress]:
    """Return how far a job is in each of some regions."""
    is_open = job["sync_status"] == _OPEN
    found = []
    for name in names:
        statuses = job["regions"].get(name, {"statuses": {}})["statuses"]
        total = sum(statuses.values())
        done = total - statuses.get(_OPEN, 0)
        failed = statuses.get("FAILURE", 0)
        text = _("%(done)s of %(total)s") % {"done": f"{done:,}", "total": f"{total:,}"}
        if failed:
            text += " · " + _("%s failed") % f"{failed:,}"
        if name in (job.get("waits_for") or ()):
            text += " · " + _("the region is away")
        found.append(RegionProgress(name, _percent(done, total, is_open), text, failed, is_open))
    return found


def item_rows(items: Sequence[dict[str, Any]], regions: Sequence[str]) -> list[ItemRow]:
    """Return the items as rows of images, or of namespaces."""
    by_resource: dict[str, dict[str, dict[str, Any]]] = {}
    for item in items:
        by_resource.setdefault(item["resource"], {})[item["target_region"]] = item
    rows = list(by_resource.items())[:ROWS]
    return [_item_row(resource, found, regions) for resource, found in rows]


def _item_row(resource: str, found: dict[str, dict[str, Any]], regions: Sequence[str]) -> ItemRow:
    first = next(iter(found.values()))
    said = [
        (region, visible(item["message"]))
        for region, item in sorted(found.items())
        # The cell says what goes as planned.
        if item["message"] and item["sync_status"] != "SUCCESS" and item["reason"] != "missing"
    ]
    return ItemRow(
        resource,
        _name(resource, found),
        resource != "*" and resource_types.is_image(first),
        tuple(
            (region, cells.of_item(found[region]) if region in found else None)
            for region in regions
        ),
        tuple(said),
    )


def _name(resource: str, found: dict[str, dict[str, Any]]) -> str:
    first = next(iter(found.values()))
    if resource == "*":
        return resource_types.amount(first, [resource], 0)
    names = [item["resource_name"] for item in found.values() if item.get("resource_name")]
    # A namespace that was not read yet is known by its name all the same.
    return names[0] if names else "" if resource_types.is_image(first) else resource


def reasons(job: dict[str, Any], *, about_images: bool = True) -> list[tuple[str, str, int, str]]:
    """Return each reason with its word, number, and what to do about it; the good ones last."""
    advice = sentences.advice if about_images else sentences.advice_on_namespaces
    counted = sorted(job["outcomes"].items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [
        (reason, reason.replace("_", " "), number, advice(reason))
        for reason, number in counted
        if number
    ]
    return sorted(rows, key=lambda row: not row[3])
