"""Register all option groups, for programs and for the sample generator."""

import logging
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import _options as log_options
from oslo_log import log
from oslo_middleware import cors
from oslo_middleware.healthcheck import opts as healthcheck_opts
from oslo_policy import opts as policy_opts

from kingbird import log_filters, unseen_errors, version
from kingbird.conf import (
    api,
    engine,
    glance,
    healthcheck,
    keystone,
    listener,
    metrics,
    rules,
    sync,
    tracing,
    upgrade_levels,
)

#: The modules whose groups have no options of a library.
OWN: tuple[Any, ...] = (
    api,
    engine,
    sync,
    rules,
    listener,
    healthcheck,
    metrics,
    upgrade_levels,
)

DEFAULT_STATE_PATH = "/var/lib/kingbird"

DEFAULT_OPTS = [
    cfg.StrOpt(
        "state_path",
        default=DEFAULT_STATE_PATH,
        help="Directory for Kingbird's files on a host: the SQLite file of the embedded default "
        "and the files of metrics ([metrics] directory).",
    ),
]
DEFAULT_CONNECTION = "sqlite:///$state_path/kingbird.sqlite"


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register every option that Kingbird itself reads."""
    conf.register_opts(DEFAULT_OPTS)
    for module in (*OWN, glance):
        conf.register_opts(module.OPTS, group=module.GROUP)
    conf.register_opts(glance.session_opts(), group=glance.GROUP)
    keystone.register(conf)
    tracing.register(conf)
    conf.register_opts(db_options.database_opts, group="database")


def set_library_defaults() -> None:
    """Set Kingbird's defaults of libraries' options.

    The sample generator calls this too (entry point ``oslo.config.opts.defaults``).
    """
    cfg.set_defaults(
        db_options.database_opts,
        connection=DEFAULT_CONNECTION,
        # If the database is unreachable, the API answers 503 at once and not after 100 seconds.
        # The engine retries by itself.
        max_retries=1,
        retry_interval=1,
        # An engine has more threads than the library's default of five connections.  What is
        # beyond is closed after each use, and a new one costs tens of milliseconds of processor
        # time for its TLS context alone.
        max_pool_size=24,
    )
    log.set_defaults(
        default_log_levels=[
            *log.get_default_log_levels(),
            # Both log URLs at debug level, and a URL may contain a trust's id.
            "keystoneclient=WARN",
            "glanceclient=WARN",
        ]
    )
    # The prefix of log lines about a job.
    cfg.set_defaults(log_options.log_opts, instance_uuid_format="[job: %(uuid)s] ")
    policy_opts.set_defaults(cfg.CONF, policy_file="policy.yaml")
    cfg.set_defaults(
        healthcheck_opts.HEALTHCHECK_OPTS,
        backends=["kingbird_database", "kingbird_broker", "kingbird_engine"],
    )
    cors.set_defaults(
        # Tokens are sent in a header.  There is no cookie that a browser could add by itself.
        allow_credentials=False,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["X-Auth-Token", "X-Openstack-Request-Id"],
        expose_headers=["X-Openstack-Request-Id", "Openstack-Request-Id", "Retry-After"],
    )


def list_opts() -> list[tuple[str, Sequence[Any]]]:
    """Return the options that the sample configuration shows."""
    return [
        ("DEFAULT", DEFAULT_OPTS),
        *((module.GROUP, module.OPTS) for module in OWN),
        # The generator of samples writes names of groups in lower case.
        (listener.region_group("region"), listener.REGION_OPTS),
        (glance.GROUP, [*glance.OPTS, *glance.session_opts()]),
        # keystonemiddleware's sample shows the rest of the group.
        (keystone.GROUP, keystone.credentials_opts()),
    ]


def prepare_service(
    argv: Sequence[str],
    *,
    prog: str,
    conf: cfg.ConfigOpts = cfg.CONF,
    default_config_files: list[str] | None = None,
) -> cfg.ConfigOpts:
    """Parse the command line and files, and set logging up.

    oslo.messaging registers its tracing options only on the global ``cfg.CONF``, which is
    therefore the default.

    :param argv: arguments without the program's name.
    :param prog: the program's name, which also names its file ``/etc/kingbird/<prog>.conf`` beside
        ``/etc/kingbird/kingbird.conf``.
    :param default_config_files: files to read instead of those found by name.
    :returns: ``conf``.
    """
    log.register_options(conf)
    register_opts(conf)
    set_library_defaults()
    conf(
        list(argv),
        project="kingbird",
        prog=prog,
        version=version.version_string(),
        default_config_files=default_config_files,
    )
    log.setup(conf, "kingbird", version.version_string())
    log_filters.install()
    log_filters.install_formatter(logging.getLogger().handlers)
    unseen_errors.install()
    logging.captureWarnings(True)
    return conf
