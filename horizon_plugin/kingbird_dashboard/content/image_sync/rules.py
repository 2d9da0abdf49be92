"""The pages about rules: the list, the form with its preview, and what can be done with one."""

from typing import Any

from django import http, shortcuts
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import generic
from horizon import messages

from kingbird_dashboard.api import catalog, rules
from kingbird_dashboard.api.client import ServiceError
from kingbird_dashboard.content import ages, page, preview, resource_types, rights
from kingbird_dashboard.content.filters import as_uuid
from kingbird_dashboard.content.image_sync.forms import RuleForm


class RulesView(page.Page):
    """The rules of the project, or of every project."""

    template_name = "kingbird/rules.html"
    page_title = gettext_lazy("Rules of Image Sync")
    tab = "rules"

    def read(self) -> dict[str, Any]:
        found = rules.list_all(self.request, **self.scope_query)
        return {"rules": [_shown(rule) for rule in found]}


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    interval = rule["interval"]
    filters = [f"{name}: {_text(value)}" for name, value in sorted(rule["filters"].items())]
    words = {
        "OK": _("in order"),
        "FAILING": _("fails"),
        "NO_CREDENTIALS": _("has no credentials"),
        "DISABLED": _("paused"),
    }
    resources = rule["resources"]
    return {
        **rule,
        "state_text": words.get(rule["state"], rule["state"]),
        "is_about_images": resource_types.is_image(rule),
        "about": "; ".join(filters) or resource_types.amount(rule, resources, len(resources)),
        "sources": _regions(rule["source"]),
        "targets": _regions(rule["target"]),
        "when": _("every %s") % ages.short(interval) if interval else _("on request"),
        "ran": ages.since(rule["last_run_at"]),
        "due": ages.since(rule["next_run_at"]),
        "lag_text": ages.short(rule["lag"]),
    }


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in sorted(value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _regions(names: list[str]) -> str:
    return _("every region") if "*" in names else ", ".join(names)


def _form(request: http.HttpRequest, *data: Any, rule: dict[str, Any] | None = None) -> RuleForm:
    regions = catalog.image_regions(request)
    return RuleForm(regions, rights.may(request, "import_data"), *data, rule=rule)


def _rule_about_images(request: http.HttpRequest, rule_id: str) -> dict[str, Any]:
    """Return a rule that the form can change.

    :raises kingbird_dashboard.api.client.ServiceError: it is about something else, Kingbird
        refuses, or does not answer.
    """
    rule = rules.show(request, rule_id)
    if not resource_types.is_image(rule):
        text = _("The rule %s is about metadata definitions. It can be changed by the API only.")
        raise ServiceError(http.HttpResponseBadRequest.status_code, text % rule["name"])
    return rule


class _RuleFormView(page.Page):
    """The base of the forms of rules.  Without JavaScript a button previews what was typed."""

    template_name = "kingbird/rule_form.html"
    tab = "rules"

    def rule(self) -> dict[str, Any] | None:
        """Return the rule that is changed; ``None`` for a new one."""
        return None

    def save(self, form: RuleForm) -> str:
        """Make or change the rule, and return a sentence that says so."""
        raise NotImplementedError

    def read(self) -> dict[str, Any]:
        rule = self.rule()
        return {"rule": rule, "form": _form(self.request, rule=rule)}

    def post(self, request: http.HttpRequest, **_kwargs: Any) -> http.HttpResponse:
        context = self.get_context_data()
        if "form" in context:
            form = context["form"] = _form(request, request.POST, rule=context["rule"])
            try:
                if form.is_valid():
                    if "preview" not in request.POST:
                        messages.success(request, self.save(form))
                        return http.HttpResponseRedirect(self.url("rules"))
                    context.update(_preview_without_script(request, form))
            except ServiceError as error:
                context["trouble"] = error.sentence
        return shortcuts.render(request, self.template_name, context)


class NewRuleView(_RuleFormView):
    """The form of a new rule."""

    page_title = gettext_lazy("New rule")

    def save(self, form: RuleForm) -> str:
        rule = rules.create(self.request, form.as_rule())
        return _("The rule %s is made, and runs now.") % rule["name"]


class EditRuleView(_RuleFormView):
    """The form that changes a rule."""

    page_title = gettext_lazy("Change a rule")

    def rule(self) -> dict[str, Any] | None:
        return _rule_about_images(self.request, self.kwargs["rule_id"])

    def save(self, form: RuleForm) -> str:
        rule = rules.update(self.request, self.kwargs["rule_id"], form.as_rule())
        return _("The rule %s is changed.") % rule["name"]


def _preview_without_script(request: http.HttpRequest, form: RuleForm) -> dict[str, str]:
    """Begin the preview of what was typed, or look at the one that was begun.

    No request waits: the page says that the comparison runs, and its button looks again.
    """
    wish = form.as_set()
    of, mark = as_uuid(request.POST.get("previewed", "")), preview.fingerprint(wish)
    if not of or request.POST.get("previewed_of") != mark:
        preview.end(request, of)
        of = preview.begin(request, wish)
    said = preview.look(request, of)
    if said:
        return {"preview": said}
    return {
        "preview": _("The regions are compared."),
        "previewed": of,
        "previewed_of": mark,
    }


class PreviewRule(page.Scope, generic.View):
    """The preview of a rule while it is typed: a dry run, which is deleted when it has ended."""

    def post(self, request: http.HttpRequest, rule_id: str = "") -> http.HttpResponse:
        """Begin a preview, and end the one before it.

        :param rule_id: the rule that is changed; empty for a new one.
        """
        typed = {**request.POST.dict(), "name": "-", **_lists(request)}
        try:
            rule = _rule_about_images(request, rule_id) if rule_id else None
            form = _form(request, typed, rule=rule)
            preview.end(request, as_uuid(request.POST.get("replaces", "")))
            if not form.is_valid():
                return http.JsonResponse({"trouble": _("Choose where from and where to.")})
            return http.JsonResponse({"job": preview.begin(request, form.as_set())})
        except ServiceError as error:
            return http.JsonResponse({"trouble": error.sentence})

    def get(self, request: http.HttpRequest, **_kwargs: Any) -> http.HttpResponse:
        """Answer the preview's sentence, or nothing while it runs."""
        try:
            return http.JsonResponse(
                {"sentence": preview.look(request, as_uuid(request.GET.get("job", "")))}
            )
        except ServiceError as error:
            return http.JsonResponse({"trouble": error.sentence})


def _lists(request: http.HttpRequest) -> dict[str, list[str]]:
    return {name: request.POST.getlist(name) for name in ("source", "target")}


class RunRule(page.Act):
    """Run a rule now."""

    def act(self, rule_id: str) -> str:
        return self.url("job", rules.run(self.request, rule_id))

    def after_trouble(self, *_args: Any, **_kwargs: Any) -> str:
        return self.url("rules")


class SwitchRule(page.Act):
    """Pause a rule, or let it run again."""

    enabled = True

    def act(self, rule_id: str) -> str:
        rules.update(self.request, rule_id, {"enabled": self.enabled})
        return self.url("rules")

    def after_trouble(self, *_args: Any, **_kwargs: Any) -> str:
        return self.url("rules")


class DeleteRule(page.Act):
    """Delete a rule; the records of its jobs stay."""

    def act(self, rule_id: str) -> str:
        rules.delete(self.request, rule_id, self.project)
        messages.success(self.request, _("The rule is deleted. The records that it made stay."))
        return self.url("rules")

    def after_trouble(self, *_args: Any, **_kwargs: Any) -> str:
        return self.url("rules")
