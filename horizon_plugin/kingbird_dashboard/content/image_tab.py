"""The tab Regions on the page of an image, of Horizon's own panel."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from horizon import tabs

from kingbird_dashboard.api import catalog
from kingbird_dashboard.api.client import ServiceError
from kingbird_dashboard.content import rights
from kingbird_dashboard.content.image_sync.states import read_image


class RegionsTab(tabs.Tab):
    """The image as each region holds it now."""

    name = _("Regions")
    slug = "kingbird_regions"
    template_name = "kingbird/image_tab.html"
    # The regions are asked when the tab is looked at, not with each page of an image.
    preload = False
    policy_rules = rights.rule("show_state")

    def allowed(self, request: Any) -> bool:
        """Return whether an image's page has the tab."""
        return bool(catalog.service_url(request)) and super().allowed(request)

    def get_context_data(self, request: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(request, **kwargs)
        # An error that leaves a tab ends as a 500 of the whole page.
        try:
            image_id = str(self.tab_group.kwargs["image"].id)
            context.update(read_image(request, image_id))
        except ServiceError as error:
            context["trouble"] = error.sentence
        context.update(can=rights.of_user(request), panel="horizon:project:image_sync")
        return context
