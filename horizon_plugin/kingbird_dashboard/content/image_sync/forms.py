"""The form of a rule."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kingbird_dashboard.content import ages, resource_types

#: ``*`` of Kingbird: all regions.
ALL = "*"
_INTERVALS = [
    (0, _("only after uploads")),
    (60, _("every minute")),
    (300, _("every 5 minutes")),
    (3600, _("every hour")),
    (86400, _("every day")),
]
#: Fields of a rule that the form shows as they are.
_PLAIN = ("name", "description", "source", "target", "on_drift", "interval", "events")
#: Fields of a rule's answer that are no part of its set.  All others are: a set keeps those that
#: the form does not show, so that its preview is about what the rule does.
OF_RULE = frozenset(
    (
        *("id", "project_id", "user_id", "created_at", "updated_at"),
        *("name", "description", "enabled", "events", "interval", "hears"),
        *("state", "reason", "message", "failures", "waiting", "lag"),
        *("next_run_at", "last_run_at", "last_success_at", "last_job"),
    )
)
_DRIFT = [("report", _("Say so, and leave them")), ("update", _("Take the source's values"))]


class RuleForm(forms.Form):
    """Which images, from where to where, and when."""

    name = forms.CharField(label=_("Name"), max_length=255)
    description = forms.CharField(label=_("Description"), max_length=255, required=False)
    tag = forms.CharField(
        label=_("Only images with these tags"),
        help_text=_("Separated by commas; empty for all images of the project."),
        max_length=1000,
        required=False,
    )
    name_prefix = forms.CharField(
        label=_("Only images whose names begin with"), max_length=255, required=False
    )
    source = forms.MultipleChoiceField(label=_("From"))
    target = forms.MultipleChoiceField(label=_("To"))
    on_drift = forms.ChoiceField(label=_("Copies that differ"), choices=_DRIFT)
    with_data = forms.BooleanField(label=_("With their data"), required=False)
    interval = forms.TypedChoiceField(
        label=_("Full runs"), choices=_INTERVALS, coerce=int, initial=3600
    )
    events = forms.BooleanField(
        label=_("Also as soon as an image is uploaded"), required=False, initial=True
    )

    def __init__(
        self,
        regions: list[str],
        may_import: bool,
        *args: Any,
        rule: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Make the form.

        :param regions: those of the catalog.
        :param may_import: whether the user may have data copied.
        :param rule: the rule that is changed; ``None`` for a new one.
        """
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self._rule = rule
        for field in ("source", "target"):
            # A rule may name regions that left the catalog.
            known = sorted({*regions, *(rule[field] if rule else ())} - {ALL})
            self.fields[field].choices = [(ALL, _("every region")), *((one, one) for one in known)]
            self.fields[field].initial = [ALL]
        if not may_import:
            del self.fields["with_data"]
        if rule:
            self._begin_with(rule)

    def _begin_with(self, rule: dict[str, Any]) -> None:
        """Show what a rule has."""
        filters = rule["filters"]
        self.initial = {
            **{name: rule[name] for name in _PLAIN},
            "tag": ", ".join(filters.get("tag", ())),
            "name_prefix": filters.get("name_prefix", ""),
            "with_data": rule["data"] == "import",
        }
        interval = rule["interval"]
        if interval not in dict(_INTERVALS):
            every = _("every %(duration)s") % {"duration": ages.short(interval)}
            self.fields["interval"].choices = [*_INTERVALS, (interval, every)]

    def as_set(self) -> dict[str, Any]:
        """Return the set that the rule would carry out, in the words of a request.

        Fields that the form does not show stay as the rule has them, which is about images.
        """
        given, rule = self.cleaned_data, self._rule or {}
        tags = [tag.strip() for tag in given["tag"].split(",") if tag.strip()]
        filters = {**rule.get("filters", {}), "tag": tags, "name_prefix": given["name_prefix"]}
        found = {
            **{name: value for name, value in rule.items() if name not in OF_RULE},
            "resource_type": resource_types.IMAGE,
            "resources": rule.get("resources", [ALL]),
            "source": ALL if ALL in given["source"] else given["source"],
            "target": [ALL] if ALL in given["target"] else given["target"],
            "filters": {name: value for name, value in filters.items() if value},
            "on_drift": given["on_drift"],
        }
        if given["on_drift"] == "report" and "prune" in found:
            # Only updates can take properties away.
            found["prune"] = False
        if given.get("with_data"):
            found["data"] = "import"
        elif "with_data" in given and rule:
            found["data"] = "none"
        if not found["filters"] and found["resources"] != [ALL]:
            # Named images have no filters, not even none.
            del found["filters"]
        return found

    def as_rule(self) -> dict[str, Any]:
        """Return the rule, or what changes in it, in the words of a request."""
        given, rule = self.cleaned_data, self._rule or {}
        wish = self.as_set().items()
        return {
            **{name: value for name, value in wish if name not in rule or rule[name] != value},
            **{name: given[name] for name in ("name", "description", "interval", "events")},
        }
