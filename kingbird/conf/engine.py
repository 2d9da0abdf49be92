"""[engine]: how an engine takes work and for how long it holds it."""

from oslo_config import cfg

GROUP = "engine"

OPTS = [
    cfg.BoolOpt(
        "delete_stray_trusts",
        default=True,
        mutable=True,
        help="Delete trusts made to Kingbird's service user that no job of this database names, "
        "as crashes leave behind. Turn it off where another Kingbird with a database of its own "
        "has the same service user; better is a service user for each.",
    ),
    cfg.IntOpt(
        "workers",
        default=1,
        min=1,
        help="Engine processes that kingbird-engine starts.",
    ),
    cfg.IntOpt(
        "max_tasks",
        default=16,
        min=1,
        help="Jobs being planned and tasks being worked on at a time in one engine process. "
        "A task is a job's share in one target region.",
    ),
    cfg.IntOpt(
        "lease",
        default=60,
        min=2,
        help="Seconds for which an engine holds a job or a task; it renews at a third of "
        "that. After it has passed without renewal another engine takes the work over.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=5.0,
        min=0.1,
        mutable=True,
        help="Seconds between two looks into the database for work that no message told of.",
    ),
    cfg.IntOpt(
        "reaper_interval",
        default=60,
        min=1,
        mutable=True,
        help="Seconds between two rounds of the reaper, which ends what nobody works on any "
        "more and deletes trusts that were left behind.",
    ),
    cfg.IntOpt(
        "max_attempts",
        default=5,
        min=1,
        mutable=True,
        help="How often a job or a task is taken up before it is ended as a failure with "
        "the reason internal_error.",
    ),
    cfg.IntOpt(
        "graceful_shutdown_timeout",
        deprecated_name="grace",
        default=30,
        min=0,
        mutable=True,
        help="Seconds that a stopping engine gives its tasks to come to a point where they "
        "can be handed back. A process that has not ended 30 seconds after that, or after "
        "[DEFAULT] graceful_shutdown_timeout where that is longer, is ended.",
    ),
    cfg.IntOpt(
        "purge_after_days",
        default=0,
        min=0,
        mutable=True,
        help="Days after which the reaper deletes jobs that have ended, with their items; 0 "
        "keeps them for ever. kingbird-manage db purge does the same when it is called.",
    ),
]
