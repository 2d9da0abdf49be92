"""[metrics]: the address and the files of metrics."""

from oslo_config import cfg

GROUP = "metrics"

OPTS = [
    cfg.StrOpt(
        "listen",
        regex=r"^(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):[0-9]{1,5}$",
        help="HOST:PORT where Prometheus reads metrics without a token over plain HTTP. Choose an "
        "address that only Prometheus reaches. All worker processes of a service share the port. "
        "The API and the engine on one host need a port each, so set this in files in "
        "kingbird-api.conf.d and kingbird-engine.conf.d. Metrics are off without it.",
    ),
    cfg.StrOpt(
        "directory",
        default="$state_path/metrics",
        help="Directory for the files in which the worker processes of a service add up their "
        "metrics. The files are small and need not survive a restart, so a directory in memory is "
        "best.",
    ),
    cfg.FloatOpt(
        "cache_time",
        default=5.0,
        min=0,
        help="Seconds for which metrics from the database (queues, engines) are cached.",
    ),
    cfg.FloatOpt(
        "database_timeout",
        default=2.0,
        min=0.1,
        help="Seconds that a scrape waits for the database. Without an answer these values are "
        "left out, and kingbird_database_up is 0.",
    ),
]
