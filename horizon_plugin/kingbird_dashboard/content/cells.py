"""A cell of the matrix: one image in one region, as a symbol and a word."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from kingbird_dashboard.content import ages, resource_types

#: The words of conflicts by their reasons.
_CONFLICTS = {
    "owner_conflict": lambda: _("other owner"),
    "data_conflict": lambda: _("other data"),
    "id_taken": lambda: _("id taken"),
    "deleted_in_target": lambda: _("id taken"),
    "same_name": lambda: _("same name"),
    "data_differs": lambda: _("other data"),
}


@dataclass(frozen=True)
class Cell:
    """One image in one region.

    :ivar kind: the class of its style, and the word by which tests find it.
    :ivar word: the text beside the symbol; empty if the symbol says it all.
    :ivar label: the cell for those who do not see it.
    """

    kind: str
    symbol: str
    word: str = ""
    age: str = ""
    label: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def source() -> Cell:
    return Cell("source", "●", _("source"), label=_("the source of the copies"))


def same() -> Cell:
    return Cell("same", "✓", label=_("same, with data"))


def away() -> Cell:
    return Cell("away", "?", label=_("the region is away"))


def unseen() -> Cell:
    return Cell("unseen", "?", label=_("not compared yet"))


def busy(word: str) -> Cell:
    """Return the cell of an image on which a job works."""
    return Cell("busy", "↻", word, label=word)


def missing(age: str = "") -> Cell:
    return Cell("missing", "+", _("missing"), age, _("missing"))


def state_of(found: dict[str, Any]) -> str:
    """Return the state to show: an image that is missing as its id is taken needs a person."""
    if found["state"] == "missing" and found.get("reason") in ("id_taken", "deleted_in_target"):
        return "conflict"
    return str(found["state"])


#: Cells that a page has made: by state, reason, fields, and the age as it is shown.
Made = dict[tuple[Any, ...], Cell]


def of_state(found: dict[str, Any], now: datetime | None = None, made: Made | None = None) -> Cell:
    """Return the cell of a state that Kingbird stores, or has just found.

    :param made: the cells of a page, of thousands of which few differ.
    """
    seconds = ages.seconds_since(found.get("since"), now)
    fields = tuple(sorted(found.get("fields") or ()))
    key = (state_of(found), found.get("reason") or "", fields, ages.step(seconds))
    made = {} if made is None else made
    if key not in made:
        made[key] = _cell(*key[:3], ages.short(seconds))
    return made[key]


def _cell(state: str, reason: str, fields: tuple[str, ...], age: str) -> Cell:
    if state == "same":
        return same()
    if state == "no_data":
        return Cell("no_data", "◐", _("no data yet"), age, _("record without data"))
    if state == "missing":
        return missing(age)
    if state == "drift":
        word = _differing(fields)
        return Cell("drift", "≠", word, age, _("differs: %s") % word)
    if state == "conflict":
        word = _CONFLICTS.get(reason, lambda: reason.replace("_", " "))() or _("conflict")
        return Cell("conflict", "!", word, age, _("needs a person: %s") % word)
    if state == "orphan":
        return Cell("conflict", "!", _("orphan"), age, _("needs a person: its source is gone"))
    if state == "importing":
        return busy(_("data"))
    return away()


def _differing(fields: tuple[str, ...]) -> str:
    if len(fields) == 1:
        return fields[0]
    return _("%d fields") % len(fields) if fields else _("differs")


#: The state in the matrix of a job, by an item's reason.
_ITEM_STATES = {
    "drift": "drift",
    "in_sync": "same",
    "imported": "same",
    "no_data": "no_data",
    "region_unavailable": "away",
    **dict.fromkeys(_CONFLICTS, "conflict"),
}


#: The cells of a job that undoes another one, by an item's reason: a symbol and a word.
_UNDO_WORDS = {
    "undone": ("↶", lambda: _("undone")),
    "kept": ("=", lambda: _("kept")),
    "touched": ("=", lambda: _("kept in part")),
}

#: The cells of orphans that a job has done something about: a kind, a symbol and a word.
_ORPHAN_WORDS = {
    "orphaned": ("skipped", "-", lambda: _("orphan")),
    "hidden": ("skipped", "=", lambda: _("orphan hidden")),
    "deleted": ("skipped", "⊘", lambda: _("orphan deleted")),
    "revived": ("same", "✓", lambda: _("shown again")),
    "orphan_guard": ("failed", "!", lambda: _("too many orphans")),
    "home_unknown": ("skipped", "-", lambda: _("home unknown")),
}


def of_item(item: dict[str, Any]) -> Cell:
    """Return the cell of a job's item."""
    status, reason = item["sync_status"], item["reason"] or ""
    if status == "IN_PROGRESS":
        return busy(_("data") if item.get("data") in ("pending", "importing") else _("waiting"))
    if status == "PLANNED" and item["action"] in _planned_words():
        return Cell(*_planned_words()[item["action"]])
    if status == "CANCELLED":
        return Cell("cancelled", "⊘", _("cancelled"), label=_("cancelled"))
    if status == "SUCCESS" and item.get("data") == "active":
        return Cell("same", "✓", _("with data"), label=_("same, with data"))
    if reason == "created":
        # Green is what can be booted.
        if not resource_types.is_image(item):
            return Cell("same", "✓", _("created"), label=_("created"))
        return Cell("no_data", "◐", _("created"), label=_("created, no data yet"))
    if reason == "updated":
        return Cell("same", "✓", _("updated"), label=_("updated"))
    if reason in _UNDO_WORDS:
        symbol, text = _UNDO_WORDS[reason]
        return Cell("skipped", symbol, text(), label=item.get("message") or text())
    if reason in _ORPHAN_WORDS:
        kind, symbol, text = _ORPHAN_WORDS[reason]
        return Cell(kind, symbol, text(), label=item.get("message") or text())
    state = _ITEM_STATES.get(reason)
    if state:
        return of_state({"state": state, "reason": reason, "fields": item.get("fields")})
    kind, symbol = ("skipped", "-") if status == "SKIPPED" else ("failed", "!")
    word = reason.replace("_", " ")
    return Cell(kind, symbol, word, label=word)


def _planned_words() -> dict[str, tuple[str, ...]]:
    words = {
        "create": ("missing", "+", _("would be created")),
        "update": ("drift", "≠", _("would be updated")),
        "import": ("no_data", "◐", _("would get data")),
        "delete": ("drift", "⊘", _("would be deleted")),
    }
    return {action: (*shown, "", shown[2]) for action, shown in words.items()}
