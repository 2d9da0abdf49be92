"""Give each unit test a configuration and a database of its own."""

import pytest
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.db import api as db
from kingbird.tests.database import connect


@pytest.fixture
def conf():
    """Give a configuration that no file has touched."""
    made = cfg.ConfigOpts()
    kingbird_conf.register_opts(made)
    kingbird_conf.set_library_defaults()
    made([], project="kingbird", default_config_files=[], default_config_dirs=[])
    return made


@pytest.fixture
def database(conf, tmp_path):
    """Give an empty SQLite database with all tables."""
    connect(conf, tmp_path / "kingbird.sqlite")
    yield conf
    db.dispose()
