"""Use the functions of ``kingbird.db`` in the benchmark's own process."""

import contextlib
from collections.abc import Iterator

from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.db import api as db


@contextlib.contextmanager
def configured(url: str, *, connections: int | None = None) -> Iterator[None]:
    """Configure this process for an empty database, and create its tables.

    :param connections: the number of connections that are kept, if not Kingbird's default.
    """
    conf = cfg.ConfigOpts()
    kingbird_conf.register_opts(conf)
    kingbird_conf.set_library_defaults()
    conf([], project="kingbird", default_config_files=[], default_config_dirs=[])
    conf.set_override("connection", url, group="database")
    if connections is not None:
        conf.set_override("max_pool_size", connections, group="database")
    db.configure(conf)
    try:
        db.migration.sync()
        yield
    finally:
        db.dispose()
