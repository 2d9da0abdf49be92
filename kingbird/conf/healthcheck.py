"""[healthcheck]: Kingbird's own options in the group of oslo.middleware's healthcheck."""

from oslo_config import cfg

GROUP = "healthcheck"

OPTS = [
    cfg.FloatOpt(
        "cache_time",
        default=5.0,
        min=0,
        help="Seconds for which what a check has found is answered again: however many ask, a "
        "worker process makes each check once in this time.",
    ),
    cfg.FloatOpt(
        "timeout",
        default=2.0,
        min=0.1,
        help="Seconds after which a check that has no answer yet has failed.",
    ),
]
