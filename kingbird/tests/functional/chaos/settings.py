"""The configuration of Kingbird here.  All intervals are a tenth of the defaults.

A lease takes 6 s instead of 60, so a call to Glance may take 1.5 s instead of 15, and a stall of 6
s stands for one of a minute.  Only the time of retries is nearly the default.  It has to be longer
than the start of a Glance on a busy machine, because Kingbird has to survive each fault.
"""

from typing import Any

#: Seconds of a lease, which bounds the time of a takeover.
LEASE = 6
#: Seconds beyond the lease in which another engine has to go on.
MARGIN = 5.0
#: Seconds for which a service is away.
GONE = 10.0
#: Seconds for which a Glance stalls, and for which it fails.
GLANCE_STALL = 6.0
GLANCE_TROUBLE = 8.0
#: Seconds for which broker and database stall: longer than a lease.
STALL = LEASE + 2.0
#: Seconds for which the database is away while images come.
LONG_GONE = 20.0
#: Seconds after which a job is stuck.
PATIENCE = 120.0
#: Delay of a stand-in's responses in milliseconds: the usual one, and one for a long job.
LATENCY = 40.0
LONG_LATENCY = 100.0

OPTIONS: dict[str, dict[str, Any]] = {
    "engine": {
        "lease": LEASE,
        "poll_interval": 1,
        "reaper_interval": 5,
        "graceful_shutdown_timeout": 10,
    },
    "rules": {"min_interval": 1},
    "sync": {
        "retry_timeout": 45,
        "region_concurrency": 4,
        "breaker_threshold": 5,
        # Only the region of its own fault keeps failing for so long that its breaker opens.
        "breaker_reset_timeout": 120,
        # Retries alone have to survive the faults that last for a while.
        "region_patience": 0,
    },
}
