"""Admin > Compute > Image Sync: the images and jobs of every project, engines and regions."""

from typing import Any

import horizon
from django.utils.translation import gettext_lazy as _

from kingbird_dashboard.api import catalog
from kingbird_dashboard.content import rights


class AdminImageSync(horizon.Panel):
    name = _("Image Sync")
    slug = "image_sync"
    policy_rules = rights.rule("list_engines")

    def allowed(self, context: Any) -> bool:
        """Return whether the menu has the panel: Kingbird may be in one region only."""
        request = context["request"]
        return bool(catalog.service_url(request)) and super().allowed(context)
