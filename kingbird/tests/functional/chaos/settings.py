"""How Kingbird is configured here: everything that waits is ten times as fast as usual.

A lease is 6 s rather than 60, so a call to a Glance may take 1.5 s rather than 15, and a Glance
that stalls for 6 s is to Kingbird what one is by default that stalls for a minute.  Only the
time for which calls are tried again is nearly the usual one: it has to be longer than a Glance
takes to start on a busy machine, as each fault is to be one that Kingbird survives.
"""

from typing import Any

#: Seconds of a lease; it is by such numbers that takeovers are measured.
LEASE = 6
#: Seconds in which another engine has to go on, beyond the lease.
MARGIN = 5.0
#: Seconds for which a service is away.
GONE = 10.0
#: Seconds for which a Glance stalls, and for which it fails.
GLANCE_STALL = 6.0
GLANCE_TROUBLE = 8.0
#: Seconds for which broker and database stall: longer than a lease.
STALL = LEASE + 2.0
#: Seconds after which a job is stuck.
PATIENCE = 120.0
#: Milliseconds by which a stand-in's answers are late: usually, and where a job is to be long.
LATENCY = 40.0
LONG_LATENCY = 100.0

OPTIONS: dict[str, dict[str, Any]] = {
    "engine": {
        "lease": LEASE,
        "poll_interval": 1,
        "reaper_interval": 5,
        "graceful_shutdown_timeout": 10,
    },
    "sync": {"retry_timeout": 45, "region_concurrency": 4},
}
