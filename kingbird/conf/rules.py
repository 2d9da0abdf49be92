"""[rules]: how many rules a project may have, and how often they run."""

from oslo_config import cfg

GROUP = "rules"

OPTS = [
    cfg.IntOpt(
        "max_rules_per_project",
        default=20,
        min=0,
        mutable=True,
        help="Number of rules that a project may have. 0 is no limit.",
    ),
    cfg.IntOpt(
        "min_interval",
        default=60,
        min=1,
        help="The shortest interval of a rule in seconds. A rule with the interval 0 runs by "
        "events and on request only.",
    ),
    cfg.IntOpt(
        "keep_jobs",
        default=20,
        min=1,
        mutable=True,
        help="Number of ended jobs that are kept of each rule. A run that found nothing to do is "
        "not kept at all.",
    ),
    cfg.IntOpt(
        "max_marks",
        default=100000,
        min=1,
        mutable=True,
        help="Number of images that may wait for a rule to look at them. If there are more, a "
        "full run of the rule takes their place.",
    ),
    cfg.IntOpt(
        "trust_lifetime",
        default=0,
        min=0,
        help="Seconds until the trust of a rule expires. 0 makes trusts that do not expire. A "
        "rule whose trust has expired does not run until a user changes it.",
    ),
    cfg.BoolOpt(
        "run_as_service",
        default=False,
        mutable=True,
        help="Let rules about every project's images run with the rights of Kingbird's service "
        "user, which needs the role admin then. They go on when the account of the admin who made "
        "them is gone.",
    ),
]
