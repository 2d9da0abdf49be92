"""[engine]: how an engine claims work and for how long it holds it."""

from oslo_config import cfg

from kingbird.conf.mutable import MutableBoolOpt, MutableFloatOpt, MutableIntOpt

GROUP = "engine"

OPTS = [
    MutableBoolOpt(
        "delete_stray_trusts",
        default=True,
        help="Delete trusts to Kingbird's service user that no job of this database names. A "
        "crash can leave such trusts behind. Turn this off if another Kingbird with its own "
        "database has the same service user, or better give each its own service user.",
    ),
    cfg.IntOpt(
        "workers",
        default=1,
        min=1,
        help="Number of engine processes that kingbird-engine starts.",
    ),
    cfg.IntOpt(
        "max_tasks",
        default=16,
        min=1,
        help="Maximum of jobs being planned and tasks in progress in one engine process. A task "
        "is a job's share in one target region.",
    ),
    cfg.IntOpt(
        "lease",
        default=60,
        min=2,
        help="Seconds for which an engine holds a job or a task. The engine renews the lease "
        "after a third of that. If a lease expires, another engine takes the work over.",
    ),
    MutableFloatOpt(
        "poll_interval",
        default=5.0,
        min=0.1,
        help="Seconds between two queries of the database for work without a message.",
    ),
    MutableIntOpt(
        "reaper_interval",
        default=60,
        min=1,
        help="Seconds between two rounds of the reaper, which closes jobs that no engine works on "
        "and deletes trusts that were left behind.",
    ),
    MutableIntOpt(
        "max_attempts",
        default=5,
        min=1,
        help="Number of claims in a row that record nothing, after which a job or a task fails "
        "with the reason internal_error. Claims that ended because an engine stopped, or because "
        "Keystone or the database was unavailable, do not count.",
    ),
    MutableIntOpt(
        "graceful_shutdown_timeout",
        deprecated_name="grace",
        default=30,
        min=0,
        help="Seconds that a stopping engine waits until its tasks can be handed back. A process "
        "that still runs 30 seconds after that, or after [DEFAULT] graceful_shutdown_timeout if "
        "that is longer, is killed.",
    ),
    MutableIntOpt(
        "purge_after_days",
        default=0,
        min=0,
        help="Days after which the reaper deletes jobs that have ended, with their items. 0 "
        "keeps them for ever. kingbird-manage db purge deletes them on demand.",
    ),
]
