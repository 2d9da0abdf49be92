"""Puts Image Sync into Horizon's menu.  Copy it to openstack_dashboard/local/enabled."""

PANEL = "image_sync"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "compute"
ADD_PANEL = "kingbird_dashboard.content.image_sync.panel.ImageSync"
ADD_INSTALLED_APPS = ["kingbird_dashboard"]
ADD_JS_FILES = ["kingbird/live.js", "kingbird/matrix.js", "kingbird/rule.js"]
ADD_SCSS_FILES = ["kingbird/kingbird.scss"]
# Horizon's Django panel of images alone has tabs: ANGULAR_FEATURES["images_panel"] = False.
EXTRA_TABS = {
    "openstack_dashboard.dashboards.project.images.images.tabs.ImageDetailTabs": (
        "kingbird_dashboard.content.image_tab.RegionsTab",
    )
}
