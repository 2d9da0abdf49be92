"""[sync]: copied properties, calls to regions, trusts and quotas."""

from oslo_config import cfg

from kingbird.conf.mutable import MutableFloatOpt, MutableIntOpt

GROUP = "sync"

#: Properties that name a secret of a region's key manager, and those that mean nothing without
#: it, as a signature without its certificate.
KEY_MANAGER_PROPERTIES = [
    "cinder_encryption_key_id",
    "hw_ephemeral_encryption_secret_uuid",
    "img_signature",
    "img_signature_certificate_uuid",
    "img_signature_hash_method",
    "img_signature_key_type",
    "os_encrypt_key_id",
]

#: Properties whose values are valid in one region only.  The policies for deletion are among
#: them, because a deleted copy would take the key of its source along.
REGION_BOUND_PROPERTIES = [
    "bdm_v2",
    "block_device_mapping",
    "cinder_encryption_key_deletion_policy",
    "image_location",
    "instance_uuid",
    "os_encrypt_key_deletion_policy",
    "root_device_name",
]

OPTS = [
    cfg.IntOpt(
        "region_concurrency",
        default=8,
        min=1,
        help="Maximum of simultaneous calls of one engine process to one region's Glance. An "
        "engine makes half as many when a Glance answers 429 or 503, or takes more than five "
        "seconds to answer, and one more again after each round of sound answers.",
    ),
    MutableIntOpt(
        "region_concurrency_total",
        default=0,
        min=0,
        help="Maximum of simultaneous calls of all engine processes together to one region's "
        "Glance. Each engine that is alive may make an equal share of them, and at least one. 0 "
        "sets no limit.",
    ),
    MutableIntOpt(
        "trust_lifetime",
        default=86400,
        min=60,
        help="Seconds after which the trust of a job expires. A job that ends before deletes its "
        "trust.",
    ),
    MutableIntOpt(
        "data_trust_lifetime",
        default=7 * 86400,
        min=60,
        help="Seconds after which the trust of a job with data import expires, if that is later "
        "than trust_lifetime. Imports that have not begun by then fail.",
    ),
    MutableIntOpt(
        "imports_per_region",
        default=4,
        min=1,
        help="Maximum of imports of data that all engines together have running into one region. "
        "Glance runs 16 at a time in one process ([wsgi] task_pool_threads).",
    ),
    MutableIntOpt(
        "exports_per_region",
        default=8,
        min=1,
        help="Maximum of imports of data that all engines together have running out of a region.",
    ),
    MutableIntOpt(
        "import_timeout",
        default=3600,
        min=1,
        help="Seconds after which an import of data counts as stuck, beside the time that the "
        "data take at the rate import_slowest.",
    ),
    MutableIntOpt(
        "import_slowest",
        default=1024 * 1024,
        min=1,
        help="Bytes a second of the slowest import that is waited for.",
    ),
    MutableIntOpt(
        "import_retry_delay",
        default=30,
        min=1,
        help="Seconds until an import is asked for again that failed before it got any data. The "
        "second pause is four times as long, and the third one sixteen times. Then the item "
        "fails.",
    ),
    MutableIntOpt(
        "import_lock_time",
        default=3660,
        min=1,
        help="Seconds after the last change of Glance's task for which an image is left alone "
        "whose import failed while data were downloaded or stored. Glance keeps it locked for an "
        "hour, and refuses another import. Then the import is asked for once more.",
    ),
    MutableIntOpt(
        "import_token_margin",
        default=600,
        min=0,
        help="Seconds for which a token has to be good when Glance is asked to import data with "
        "it: Glance uses the token when the import begins, which may be later.",
    ),
    cfg.ListOpt(
        "regions_that_convert",
        default=[],
        mutable=True,
        help="Regions whose Glances convert, compress or decompress data at import. Data that "
        "differ there are no failure.",
    ),
    cfg.ListOpt(
        "trust_roles",
        default=["admin", "member"],
        help="Roles that may be delegated to Kingbird's service user for a job. Only the first "
        "one that the user's token carries is delegated, because a trust becomes invalid if its "
        "user loses any of its roles.",
    ),
    MutableIntOpt(
        "token_job_wait",
        default=300,
        min=1,
        help="Seconds that a job without a trust waits for the engine that got its user's token. "
        "After that the job fails with the reason credentials_lost.",
    ),
    MutableIntOpt(
        "tombstone_ttl",
        default=86400,
        min=0,
        help="Seconds for which a tombstone is kept: the record that a deleted image's id cannot "
        "be used in a region. Glance keeps such ids until its database is purged.",
    ),
    MutableIntOpt(
        "orphan_grace",
        default=30 * 86400,
        min=1,
        help="Seconds for which an orphan stays hidden before a rule or job that has orphans "
        "deleted deletes it. An orphan is a copy whose home region has deleted the image. A "
        "deletion can't be taken back, and costs the id until Glance's database is purged.",
    ),
    MutableIntOpt(
        "state_ttl",
        default=30 * 86400,
        min=3600,
        help="Seconds for which the state of an image is kept that no comparison finds again, "
        "because its rule or its project is gone.",
    ),
    cfg.ListOpt(
        "dropped_properties",
        default=REGION_BOUND_PROPERTIES,
        help="Image properties that are neither copied nor compared, because their values are "
        "valid in one region only.",
    ),
    cfg.BoolOpt(
        "shared_key_manager",
        default=False,
        help="Whether all regions have one key manager. If they have, the properties of an image "
        "that name its secrets are copied and compared like others: the id of an encryption key, "
        "a signature and its certificate. Otherwise they are left out, because the secret does "
        "not exist in another region.",
    ),
    cfg.IntOpt(
        "property_quota",
        default=128,
        min=-1,
        help="The largest image_property_quota of the regions' Glances; -1 for none. Provenance "
        "properties beyond the quota are left out. A lower quota of a region is learned from its "
        "answers.",
    ),
    MutableFloatOpt(
        "retry_timeout",
        default=60.0,
        min=0.0,
        help="Seconds for which a call is retried if a region does not answer, or answers with "
        "429 or 5xx.",
    ),
    MutableFloatOpt(
        "slow_region_timeout",
        deprecated_name="late_after",
        default=1.0,
        min=0.1,
        help="Seconds that the plan of a job waits for a lagging region, which takes more than "
        "five times as long as any other region to answer. Then the job is planned for the other "
        "regions, and the lagging region follows.",
    ),
    MutableIntOpt(
        "breaker_threshold",
        deprecated_name="fail_fast_after",
        default=5,
        min=1,
        help="Failures in a row, each after all retries, that open a region's circuit breaker. "
        "An engine process has one breaker for each region and counts the failures of all jobs. "
        "While it is open, no calls are made for jobs under way, and a new job makes one.",
    ),
    MutableFloatOpt(
        "breaker_reset_timeout",
        deprecated_name="breaker_pause",
        default=30.0,
        min=0.0,
        help="Seconds for which the circuit breaker of a region stays open. After that one trial "
        "is allowed (half-open): if it succeeds the breaker closes, otherwise it stays open as "
        "long again.",
    ),
    MutableFloatOpt(
        "region_patience",
        default=1800.0,
        min=0.0,
        help="Seconds for which the share of a job in a region waits for the region while the "
        "region is away, by the database's clock, when the share is planned and when it is "
        "written. No engine is occupied meanwhile, and the shares of other regions are not "
        "delayed. After that the items fail as region_unavailable. A full run of a rule waits "
        "until the next one is due, an event run does not wait. With 0 each item fails as soon "
        "as it has been retried.",
    ),
    MutableIntOpt(
        "max_jobs_per_project",
        default=100,
        min=0,
        help="Maximum of jobs that a project may have in progress. A request beyond that is "
        "answered with 429. 0 sets no limit.",
    ),
    MutableIntOpt(
        "max_items_per_job",
        default=1000000,
        min=0,
        help="Maximum of items of one job, an item being an image in a target region. A request "
        "that names more is answered with 400. 0 sets no limit.",
    ),
]


def dropped_properties(conf: cfg.ConfigOpts) -> frozenset[str]:
    """Return the properties that are not copied, and not compared."""
    dropped = frozenset(conf.sync.dropped_properties)
    if not conf.sync.shared_key_manager:
        dropped |= frozenset(KEY_MANAGER_PROPERTIES)
    return dropped
