"""The base of the pages: which panel they belong to, and a sentence where Kingbird is away."""

from collections.abc import Callable
from typing import Any

from django import http, urls
from django.views import generic
from horizon import messages
from horizon import views as horizon_views

from kingbird_dashboard.api.client import ServiceError
from kingbird_dashboard.content import rights
from kingbird_dashboard.content.filters import as_uuid


class Scope:
    """The panel that a view belongs to.

    :cvar namespace: the namespace of the panel's URLs.
    :cvar all_projects: whether it shows the images of every project.
    """

    namespace = "horizon:project:image_sync"
    all_projects = False
    request: http.HttpRequest

    def url(self, name: str, *args: Any) -> str:
        """Return the URL of a view of the same panel."""
        return urls.reverse(f"{self.namespace}:{name}", args=args)

    @property
    def project(self) -> str:
        """Return the project of the URL, whose job an admin looks at; empty for the own one."""
        return (
            as_uuid(self.request.GET.get("project", "")).replace("-", "")
            if self.all_projects
            else ""
        )

    @property
    def is_own(self) -> bool:
        """Return whether the page is about the user's own project, in which alone jobs begin."""
        return self.project in ("", self.request.user.project_id)

    def job_url(self, job_id: str) -> str:
        """Return the URL of a job's page."""
        query = f"?project={self.project}" if self.project else ""
        return self.url("job", job_id) + query

    @property
    def scope_query(self) -> dict[str, Any]:
        """Return the query that a call needs for this panel."""
        return {"all_projects": "true"} if self.all_projects else {}


class Page(Scope, horizon_views.HorizonTemplateView):
    """A page of the panel.  A refusal of Kingbird, or its silence, is a sentence on it.

    :cvar tab: the word of the page in the list of pages.
    """

    tab = ""

    def read(self) -> dict[str, Any]:
        """Return the context that Kingbird has to be asked for.

        :raises kingbird_dashboard.api.client.ServiceError: it refuses, or does not answer.
        """
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context.update(
            can=rights.of_user(self.request),
            panel=self.namespace,
            all_projects=self.all_projects,
            tab=self.tab,
            project_query=f"?project={self.project}" if self.project else "",
        )
        try:
            context.update(self.read())
        except ServiceError as error:
            context["trouble"] = error.sentence
        return context


class Act(Scope, generic.View):
    """A change that a button asks for.  The next page says how it went."""

    http_method_names = ["post"]

    def post(self, request: http.HttpRequest, *args: Any, **kwargs: Any) -> http.HttpResponse:
        try:
            return http.HttpResponseRedirect(self.act(**kwargs))
        except ServiceError as error:
            messages.error(request, error.sentence)
            return http.HttpResponseRedirect(self.after_trouble(**kwargs))

    def act(self, *args: Any, **kwargs: Any) -> str:
        """Do it, and return the URL of the next page."""
        raise NotImplementedError

    def after_trouble(self, *args: Any, **kwargs: Any) -> str:
        """Return the URL of the page after a refusal."""
        return self.url("index")


#: Seconds between two looks at a page: while something is in progress, and else.
BUSY_SECONDS, CALM_SECONDS = 2, 30


def seconds_to_next(is_busy: bool) -> int:
    """Return the seconds after which a page asks again."""
    return BUSY_SECONDS if is_busy else CALM_SECONDS


def answer_live(
    request: http.HttpRequest, make: Callable[[str], tuple[dict[str, Any], str] | None]
) -> http.HttpResponse:
    """Answer a page that asks whether something has changed.

    :param make: returns the answer and its tag, or ``None`` if the given tag is that of the
        present answer.
    """
    try:
        made = make(request.headers.get("If-None-Match", ""))
    except ServiceError as error:
        return http.JsonResponse({"trouble": error.sentence}, status=503)
    response: http.HttpResponse
    if made is None:
        response = http.HttpResponseNotModified()
    else:
        response = http.JsonResponse(made[0])
        response["ETag"] = made[1]
    response["Cache-Control"] = "private, no-cache"
    return response
