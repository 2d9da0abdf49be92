"""[rules]: how many rules a project may have, and how often they run."""

from oslo_config import cfg

from kingbird.conf.mutable import MutableBoolOpt, MutableIntOpt

GROUP = "rules"

OPTS = [
    MutableIntOpt(
        "max_rules_per_project",
        default=20,
        min=0,
        help="Number of rules that a project may have. 0 is no limit.",
    ),
    cfg.IntOpt(
        "min_interval",
        default=60,
        min=1,
        help="The shortest interval of a rule in seconds. A rule with the interval 0 runs by "
        "events and on request only.",
    ),
    MutableIntOpt(
        "keep_jobs",
        default=20,
        min=1,
        help="Number of ended jobs that are kept of each rule. A run that found nothing to do is "
        "not kept at all.",
    ),
    MutableIntOpt(
        "max_marks",
        default=100000,
        min=1,
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
    MutableBoolOpt(
        "run_as_service",
        default=False,
        help="Let rules about every project's images run with the rights of Kingbird's service "
        "user, which needs the role admin then. They go on when the account of the admin who made "
        "them is gone.",
    ),
]
