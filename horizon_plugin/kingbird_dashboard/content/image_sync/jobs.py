"""The pages about jobs: the list, one job as it runs, and what can be done with it."""

from typing import Any

from django import http
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import generic
from horizon import messages

from kingbird_dashboard.api import jobs, state
from kingbird_dashboard.api.client import ServiceError
from kingbird_dashboard.content import page, progress, resource_types, undoing
from kingbird_dashboard.content.filters import as_uuid

#: The jobs of a page.
PAGE = 20
_STATUSES = ("IN_PROGRESS", "SUCCESS", "FAILURE", "CANCELLED")


def _list_query(request: http.HttpRequest) -> dict[str, Any]:
    status = request.GET.get("status", "")
    return {
        "status": status if status in _STATUSES else "",
        "rule": as_uuid(request.GET.get("rule", "")),
        "marker": as_uuid(request.GET.get("marker", "")),
        "limit": PAGE,
    }


class JobsView(page.Page):
    """The jobs, newest first."""

    template_name = "kingbird/jobs.html"
    page_title = gettext_lazy("Jobs of Image Sync")
    tab = "jobs"

    def read(self) -> dict[str, Any]:
        query = _list_query(self.request)
        answer = jobs.list_details(self.request, **query, **self.scope_query).body
        found = answer["job_set"]
        shown = [progress.of_detail(job) for job in found]
        return {
            "jobs": shown,
            "seconds": page.seconds_to_next(any(job.is_open for job in shown)),
            "status": query["status"],
            "next_marker": found[-1]["id"] if found and state.has_more(answer) else "",
            "live_query": self.request.GET.urlencode(),
            "status_words": [
                ("", _("All")),
                *((status, progress.status_word(status)) for status in _STATUSES),
            ],
        }


class LiveJobsView(page.Scope, generic.View):
    """The progress of the jobs of a page."""

    def get(self, request: http.HttpRequest) -> http.HttpResponse:
        def make(etag: str) -> tuple[dict[str, Any], str] | None:
            query = {**_list_query(request), **self.scope_query}
            answer = jobs.list_details(request, etag, **query)
            if answer.is_unchanged:
                return None
            found = [progress.of_detail(job) for job in answer.body["job_set"]]
            return {
                "seconds": page.seconds_to_next(any(job.is_open for job in found)),
                "jobs": {job.id: job.as_json() for job in found},
            }, answer.etag

        return page.answer_live(request, make)


class JobView(page.Page):
    """One job as it runs: how far each region is, and each image."""

    template_name = "kingbird/job.html"
    page_title = gettext_lazy("Job of Image Sync")
    tab = "jobs"

    def read(self) -> dict[str, Any]:
        job_id = self.kwargs["job_id"]
        reason = self.request.GET.get("reason", "")
        answer = jobs.show(
            self.request, job_id, project=self.project, limit=jobs.ITEMS, reason=reason
        ).body
        columns = progress.columns(answer)
        newest = jobs.list_newest(self.request, all_projects=self.all_projects)
        detail = progress.detail_of(job_id, newest)
        job = progress.of_job(answer["job"], detail)
        undoes = undoing.is_undo(self.request, answer["job"], newest, self.project)
        undone_by = "" if job.is_preview else undoing.undone_by(job_id, newest)
        is_about_images = all(map(resource_types.is_image, answer["job_set"]))
        return {
            "job": job,
            "detail": detail,
            "is_about_images": is_about_images,
            "asked": progress.asked(detail) if detail else [],
            "regions": progress.of_regions(answer["job"], columns),
            "rows": progress.item_rows(answer["job_set"], columns),
            "reasons": progress.reasons(answer["job"], about_images=is_about_images),
            "reason": reason,
            "has_more": state.has_more(answer),
            "of": answer["job"]["of"],
            "undoes": undoes,
            "undone_by": undone_by,
            "can_undo": not (job.is_open or job.is_preview or undoes or undone_by)
            and self.is_own
            and is_about_images
            and undoing.written(answer["job"]) > 0,
            "can_retry": not (job.is_open or job.is_preview or undoes) and self.is_own,
            # Nobody knows what an old preview was about: Kingbird may still carry it out.
            "can_apply": job.is_preview
            and self.is_own
            and job.status in ("SUCCESS", "FAILURE")
            and (job.to_do > 0 or detail is None),
        }


class LiveJobView(page.Scope, generic.View):
    """The progress of one job."""

    def get(self, request: http.HttpRequest, job_id: str) -> http.HttpResponse:
        def make(etag: str) -> tuple[dict[str, Any], str] | None:
            reason = request.GET.get("reason", "")
            answer = jobs.show(
                request, job_id, etag, project=self.project, limit=jobs.ITEMS, reason=reason
            )
            if answer.is_unchanged:
                return None
            body = answer.body
            detail = None
            if body["job"]["sync_status"] == "IN_PROGRESS":
                newest = jobs.list_newest(request, all_projects=self.all_projects)
                detail = progress.detail_of(job_id, newest)
            columns = progress.columns(body)
            rows = progress.item_rows(body["job_set"], columns)
            return {
                "seconds": page.BUSY_SECONDS,
                "job": progress.of_job(body["job"], detail).as_json(),
                "regions": {
                    region.name: [region.percent, region.text]
                    for region in progress.of_regions(body["job"], columns)
                },
                "cells": {
                    f"{row.id}|{region}": cell.as_json()
                    for row in rows
                    for region, cell in row.cells
                    if cell is not None
                },
            }, answer.etag

        return page.answer_live(request, make)


class BeforeUndoView(page.Page):
    """Show the writes of an undo before anybody has it done."""

    template_name = "kingbird/undo.html"
    page_title = gettext_lazy("Undo a job")
    tab = "jobs"

    def read(self) -> dict[str, Any]:
        job_id = self.kwargs["job_id"]
        answer = jobs.show(
            self.request,
            job_id,
            project=self.project,
            limit=jobs.ITEMS,
            reason=",".join(undoing.WRITTEN),
        ).body
        if not all(map(resource_types.is_image, answer["job_set"])):
            raise ServiceError(
                http.HttpResponseBadRequest.status_code,
                _("The job is about metadata definitions: what it wrote cannot be undone."),
            )
        columns, found = progress.columns(answer), answer["job"]["outcomes"]
        return {
            "job_id": job_id,
            "written": undoing.written(answer["job"]),
            "created": found.get("created", 0),
            "imported": found.get("imported", 0),
            "updated": found.get("updated", 0),
            "rule": answer["job"]["rule"],
            "columns": columns,
            "rows": progress.item_rows(answer["job_set"], columns),
            "has_more": state.has_more(answer),
        }


class ActOnJob(page.Act):
    """Cancel, retry, apply or undo a job, or cancel or retry a part of it."""

    what = ""

    def act(self, job_id: str) -> str:
        given = self.request.POST
        part = {name: given.getlist(name) for name in ("regions", "resources") if name in given}
        return self.job_url(jobs.act(self.request, job_id, self.what, part, self.project))

    def after_trouble(self, job_id: str) -> str:
        return self.job_url(job_id)


class DeleteJob(page.Act):
    """Delete a job that has ended; its records stay."""

    def act(self, job_id: str) -> str:
        jobs.delete(self.request, job_id, self.project)
        messages.success(self.request, _("The job is deleted. The records that it made stay."))
        return self.url("jobs")

    def after_trouble(self, job_id: str) -> str:
        return self.job_url(job_id)
