"""Say what a cell means, and what can be done about it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Action:
    """Something that can be done about a cell; each begins with a preview.

    :ivar word: the word that :func:`kingbird_dashboard.content.wanted.for_cell` understands.
    """

    word: str
    text: str


def explain(state: str, reason: str | None, region: str, source: str) -> str:
    """Return the meaning of a state in a sentence."""
    names = {"region": region, "source": source}
    by_reason = {
        "owner_conflict": _(
            "The id belongs to another project's image in %(region)s. Nobody touches it."
        ),
        "data_conflict": _(
            "The image in %(region)s has other data under the same id. Nobody touches it."
        ),
        "id_taken": _("The id cannot be used in %(region)s: it is taken, or it was deleted."),
        "deleted_in_target": _(
            "The image was deleted in %(region)s, and Glance keeps its id until it is purged."
        ),
    }
    by_state = {
        "same": _("The image in %(region)s is the same as in %(source)s, with its data."),
        "no_data": _("The record is in %(region)s, but it has no data: it cannot be booted yet."),
        "missing": _("The image of %(source)s is not in %(region)s."),
        "drift": _("The image in %(region)s differs from the one in %(source)s."),
        "conflict": _("The image in %(region)s is not the one of %(source)s. Nobody touches it."),
        "orphan": _("The copy in %(region)s is left over: its source is gone."),
        "importing": _("Glance in %(region)s fetches the data from %(source)s."),
        "away": _("The image service of %(region)s did not answer."),
    }
    unknown = _("The image service of %(region)s cannot be asked now.")
    return (by_reason.get(reason or "") or by_state.get(state, unknown)) % names


def actions(state: str, reason: str | None, *, may_import: bool) -> list[Action]:
    """Return what can be done about a cell."""
    found = []
    if state == "missing":
        found.append(Action("copy", _("Create the record")))
    if state == "drift":
        found.append(Action("update", _("Take the source's values")))
    if state in ("missing", "no_data") and may_import:
        found.append(Action("data", _("Copy it with its data")))
    if state == "conflict" and reason != "same_name":
        found.append(Action("force", _("Copy it under another id")))
    return found


def advice(reason: str) -> str:
    """Return what to do about items that ended for a reason."""
    words = {
        "drift": _("Take the source's values in a sync with updates, or leave the copies."),
        "owner_conflict": _("Copy these images under other ids, or ask the id's owner."),
        "data_conflict": _("Find out which data are right; a copy under another id is possible."),
        "deleted_in_target": _("Copy them under other ids, or wait until Glance purges the ids."),
        "id_taken": _("Copy them under other ids."),
        "region_unavailable": _("Try again when the region answers."),
        "quota": _("Ask for a larger quota in the region, then try again."),
        "forbidden": _("Ask for the right to do this in the region, then try again."),
        "credentials_lost": _("Try again: that brings a new token."),
        "source_gone": _("The image was deleted in its source region: nothing is to be done."),
        "not_owner": _("Copy them under other ids: the images are another project's."),
        "import_failed": _("Look into the log of the region's Glance, then try again."),
        "import_not_enabled": _("The region's Glance does not fetch data: ask its operator."),
        "import_stuck": _("The region's Glance has not ended an import: ask its operator."),
        "orphaned": _("Their sources are gone. Delete the copies, or leave them."),
        "orphan_guard": _(
            "None of these were hidden or deleted. Are the images still in their home? Then "
            "correct its endpoint or policy; otherwise run the rule with a higher limit."
        ),
        "home_unknown": _("Their home is not in the service catalog. Nothing was changed."),
        "kept": _("These were changed since, or have data by now. Hide them yourself if need be."),
        "touched": _("Others changed some of the fields since. Change them yourself if need be."),
        "plan_outdated": _("The images changed after the preview: make a new one."),
    }
    return words.get(reason, "")


def advice_on_namespaces(reason: str) -> str:
    """Return what to do about metadata namespaces that ended for a reason."""
    words = {
        "owner_conflict": _("Ask the project that has the name in the region, or leave it."),
        "id_taken": _("The region takes two names for the same: rename one of the namespaces."),
        "deleted_in_target": _("Try again: the namespace was deleted meanwhile."),
        "source_gone": _("The namespace was deleted in its source region: nothing is to be done."),
        "plan_outdated": _("The namespaces changed after the preview: make a new one."),
    }
    return words.get(reason) or advice(reason)
