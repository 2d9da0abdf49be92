"""[healthcheck]: Kingbird's own options in oslo.middleware's group."""

from oslo_config import cfg

GROUP = "healthcheck"

OPTS = [
    cfg.FloatOpt(
        "cache_time",
        default=5.0,
        min=0,
        help="Seconds for which the result of a check is cached. A worker process runs each check "
        "at most once in this time.",
    ),
    cfg.FloatOpt(
        "timeout",
        default=2.0,
        min=0.1,
        help="Seconds after which a check without an answer has failed.",
    ),
]
