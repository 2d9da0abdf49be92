"""The URLs of the panel; the admin's panel makes its own of the same views."""

from typing import Any

from django.urls import path, register_converter
from django.urls.converters import UUIDConverter

from kingbird_dashboard.content.image_sync import jobs, rules, states


class _Id(UUIDConverter):
    """A UUID that stays a text.  Glance takes and keeps ids in upper case, too."""

    regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> str:
        return value


register_converter(_Id, "kingbird_id")


def of_panel(**scope: Any) -> list[Any]:
    """Return the patterns of the pages that both panels have.

    :param scope: ``namespace`` and ``all_projects`` of :class:`..page.Scope`, if they differ.
    """
    return [
        path("", states.StateView.as_view(**scope), name="index"),
        path("live/", states.LiveStateView.as_view(**scope), name="live_state"),
        path("find/", states.FindView.as_view(**scope), name="find"),
        path("images.csv", states.FileView.as_view(**scope), name="file"),
        path("images/<kingbird_id:image_id>/", states.ImageView.as_view(**scope), name="image"),
        path("preview/", states.PreviewCell.as_view(**scope), name="preview_cell"),
        path("jobs/", jobs.JobsView.as_view(**scope), name="jobs"),
        path("jobs/live/", jobs.LiveJobsView.as_view(**scope), name="live_jobs"),
        path("jobs/<kingbird_id:job_id>/", jobs.JobView.as_view(**scope), name="job"),
        path(
            "jobs/<kingbird_id:job_id>/live/", jobs.LiveJobView.as_view(**scope), name="live_job"
        ),
        *(
            path(
                f"jobs/<kingbird_id:job_id>/{what}/",
                jobs.ActOnJob.as_view(what=what, **scope),
                name=what,
            )
            for what in ("cancel", "retry", "apply", "undo")
        ),
        path(
            "jobs/<kingbird_id:job_id>/before-undo/",
            jobs.BeforeUndoView.as_view(**scope),
            name="before_undo",
        ),
        path("jobs/<kingbird_id:job_id>/delete/", jobs.DeleteJob.as_view(**scope), name="delete"),
        path("rules/", rules.RulesView.as_view(**scope), name="rules"),
        path(
            "rules/<kingbird_id:rule_id>/delete/",
            rules.DeleteRule.as_view(**scope),
            name="delete_rule",
        ),
    ]


urlpatterns = [
    *of_panel(),
    path("order/", states.OrderView.as_view(), name="order"),
    path("order/preview/", states.PreviewOrder.as_view(), name="preview_order"),
    path("rules/new/", rules.NewRuleView.as_view(), name="new_rule"),
    path("rules/preview/", rules.PreviewRule.as_view(), name="preview_rule"),
    path("rules/<kingbird_id:rule_id>/edit/", rules.EditRuleView.as_view(), name="edit_rule"),
    path(
        "rules/<kingbird_id:rule_id>/preview/",
        rules.PreviewRule.as_view(),
        name="preview_change",
    ),
    path("rules/<kingbird_id:rule_id>/run/", rules.RunRule.as_view(), name="run_rule"),
    path(
        "rules/<kingbird_id:rule_id>/pause/",
        rules.SwitchRule.as_view(enabled=False),
        name="pause_rule",
    ),
    path("rules/<kingbird_id:rule_id>/enable/", rules.SwitchRule.as_view(), name="enable_rule"),
]
