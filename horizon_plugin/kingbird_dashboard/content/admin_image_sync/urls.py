"""The URLs of the admin's panel."""

from django.urls import path

from kingbird_dashboard.content.admin_image_sync import views
from kingbird_dashboard.content.image_sync.urls import of_panel

NAMESPACE = "horizon:admin:image_sync"

urlpatterns = [
    *of_panel(namespace=NAMESPACE, all_projects=True),
    path(
        "engines/",
        views.EnginesView.as_view(namespace=NAMESPACE, all_projects=True),
        name="engines",
    ),
    path(
        "regions/",
        views.RegionsView.as_view(namespace=NAMESPACE, all_projects=True),
        name="regions",
    ),
]
