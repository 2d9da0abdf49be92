"""[metrics]: where Prometheus finds what was counted."""

from oslo_config import cfg

GROUP = "metrics"

OPTS = [
    cfg.StrOpt(
        "listen",
        regex=r"^(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):[0-9]{1,5}$",
        help="HOST:PORT where metrics are answered for Prometheus, without a token and in plain "
        "HTTP, so choose an address that only it reaches. It is one port for all worker "
        "processes of a service; the API and the engine on one host need a port each, so set it "
        "in files in kingbird-api.conf.d and kingbird-engine.conf.d. Without it nothing is "
        "counted.",
    ),
    cfg.StrOpt(
        "directory",
        default="$state_path/metrics",
        help="Directory for the files in which the worker processes of a service add up what "
        "they count. They are small and need not outlive a restart, so a directory in memory "
        "serves best.",
    ),
    cfg.FloatOpt(
        "cache_time",
        default=5.0,
        min=0,
        help="Seconds for which what was read from the database (queues, engines) is answered "
        "again.",
    ),
    cfg.FloatOpt(
        "database_timeout",
        default=2.0,
        min=0.1,
        help="Seconds that a scrape waits for the database. Without an answer it goes without "
        "these values, and kingbird_database_up is 0.",
    ),
]
