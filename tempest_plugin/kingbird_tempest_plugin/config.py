"""The options of ``tempest.conf`` that this plugin adds."""

from oslo_config import cfg

service_option = cfg.BoolOpt(
    "kingbird",
    default=False,
    help="Whether Kingbird is there. Its tests are skipped if not.",
)

kingbird_group = cfg.OptGroup(name="kingbird", title="Kingbird, which syncs images")

KingbirdGroup = [
    cfg.StrOpt("catalog_type", default="synchronization", help="Type of the service."),
    cfg.StrOpt(
        "endpoint_type",
        default="publicURL",
        choices=["public", "admin", "internal", "publicURL", "adminURL", "internalURL"],
        help="Which of the service's endpoints are called.",
    ),
    cfg.StrOpt(
        "region",
        default="",
        help="The region whose endpoint is called; that of [identity] if not given. One "
        "Kingbird serves all regions.",
    ),
    cfg.ListOpt(
        "regions",
        default=[],
        help="The regions that images are synced between, at least two; the first one is where "
        "tests begin. If not given, every region with an image endpoint in the catalog.",
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
        help="Seconds between two looks at a job.",
    ),
]
