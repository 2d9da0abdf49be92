"""Puts Image Sync into Horizon's menu.  Copy it to openstack_dashboard/local/enabled."""

PANEL = "image_sync"
PANEL_DASHBOARD = "admin"
PANEL_GROUP = "compute"
ADD_PANEL = "kingbird_dashboard.content.admin_image_sync.panel.AdminImageSync"
