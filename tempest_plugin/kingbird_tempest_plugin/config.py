"""The options of ``tempest.conf`` that this plugin adds."""

from oslo_config import cfg

service_option = cfg.BoolOpt(
    "kingbird",
    default=False,
    help="True if Kingbird is deployed. Its tests are skipped otherwise.",
)

kingbird_group = cfg.OptGroup(name="kingbird", title="Kingbird, which syncs images")

KingbirdGroup = [
    cfg.StrOpt("catalog_type", default="synchronization", help="Type of the service."),
    cfg.StrOpt(
        "endpoint_type",
        default="publicURL",
        choices=["public", "admin", "internal", "publicURL", "adminURL", "internalURL"],
        help="The interface of the service's endpoints.",
    ),
    cfg.StrOpt(
        "region",
        default="",
        help="The region of the service's endpoint; by default that of [identity]. One Kingbird "
        "serves all regions.",
    ),
    cfg.ListOpt(
        "regions",
        default=[],
        help="The regions of the images, at least two. Most tests begin in the first one. By "
        "default all regions with an image endpoint in the catalog.",
    ),
    cfg.FloatOpt(
        "build_timeout",
        default=120,
        min=1,
        help="Seconds within which a job of a few images has to end.",
    ),
    cfg.FloatOpt(
        "build_interval",
        default=1,
        min=0.05,
        help="Seconds between two polls of a job.",
    ),
    cfg.BoolOpt(
        "glance_notifications",
        default=False,
        help="True if the Glances of all regions send notifications to Kingbird's listener. The "
        "test of events is skipped otherwise.",
    ),
]
