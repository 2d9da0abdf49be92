"""[sync]: what is copied, how hard a region is worked, what is remembered."""

from oslo_config import cfg

GROUP = "sync"

#: Properties whose values mean something in one region only.
REGION_BOUND_PROPERTIES = [
    "bdm_v2",
    "block_device_mapping",
    "cinder_encryption_key_deletion_policy",
    "cinder_encryption_key_id",
    "image_location",
    "instance_uuid",
    "os_encrypt_key_deletion_policy",
    "os_encrypt_key_id",
    "root_device_name",
]

OPTS = [
    cfg.IntOpt(
        "region_concurrency",
        default=8,
        min=1,
        help="Calls that one engine process makes to one region's Glance at a time.",
    ),
    cfg.IntOpt(
        "trust_lifetime",
        default=86400,
        min=60,
        mutable=True,
        help="Seconds after which the trust that a job runs with expires, if the job has "
        "not ended and deleted it before.",
    ),
    cfg.ListOpt(
        "trust_roles",
        default=["admin", "member"],
        help="Roles that may be delegated to Kingbird's service user for a job. The first "
        "one that the user's token carries is delegated, and no other: a trust dies with "
        "any role that it carries.",
    ),
    cfg.IntOpt(
        "token_job_wait",
        default=300,
        min=1,
        mutable=True,
        help="Seconds that a job whose user can't make a trust waits for the engine that got "
        "its token; after that it ends with the reason credentials_lost.",
    ),
    cfg.IntOpt(
        "tombstone_ttl",
        default=86400,
        min=0,
        mutable=True,
        help="Seconds for which it is remembered that a deleted image's id can't be used in a "
        "region. Glance keeps such ids until its database is purged.",
    ),
    cfg.ListOpt(
        "dropped_properties",
        default=REGION_BOUND_PROPERTIES,
        help="Image properties that are neither copied nor compared, as they mean something "
        "in one region only.",
    ),
    cfg.IntOpt(
        "property_quota",
        default=128,
        min=-1,
        help="Glance's image_property_quota in the regions; -1 for none. Provenance that "
        "would not fit is left out.",
    ),
    cfg.FloatOpt(
        "retry_timeout",
        default=60.0,
        min=0.0,
        mutable=True,
        help="Seconds for which a call that a region did not answer, or answered with 429 or "
        "5xx, is tried again.",
    ),
    cfg.FloatOpt(
        "slow_region_timeout",
        deprecated_name="late_after",
        default=1.0,
        min=0.1,
        mutable=True,
        help="Seconds that other regions wait for a page of a region's list, if that takes more "
        "than five times as long as any of theirs. Then their share of a job over whole "
        "regions is planned and worked on, and the slow region's follows.",
    ),
    cfg.IntOpt(
        "breaker_threshold",
        deprecated_name="fail_fast_after",
        default=5,
        min=1,
        mutable=True,
        help="Failures in a row, each after all retries, that open a region's circuit breaker. "
        "An engine process has one breaker for each region and counts the failures of all jobs. "
        "While it is open, everything that would go to the region fails as region_unavailable "
        "without a call.",
    ),
    cfg.FloatOpt(
        "breaker_reset_timeout",
        deprecated_name="breaker_pause",
        default=30.0,
        min=0.0,
        mutable=True,
        help="Seconds for which the circuit breaker of a region stays open. After that one trial "
        "is allowed (half-open): if it succeeds the breaker closes, otherwise it stays open as "
        "long again.",
    ),
    cfg.IntOpt(
        "max_jobs_per_project",
        default=100,
        min=0,
        mutable=True,
        help="Jobs that a project may have in progress; a request beyond that is answered "
        "with 429. 0 sets no limit.",
    ),
    cfg.IntOpt(
        "max_items_per_job",
        default=1000000,
        min=0,
        mutable=True,
        help="Largest number of items of one job, an item being an image in a target region. A "
        "request that names more is answered with 400. 0 sets no limit.",
    ),
]
