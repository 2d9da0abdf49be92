"""Give each unit test a configuration and a database of its own."""

import pytest
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.db import api as db
from kingbird.tests.database import SQLITE, connect, servers


@pytest.fixture
def conf():
    """Give a configuration that no file has touched."""
    made = cfg.ConfigOpts()
    kingbird_conf.register_opts(made)
    kingbird_conf.set_library_defaults()
    made([], project="kingbird", default_config_files=[], default_config_dirs=[])
    return made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that use a database on each one of the command line."""
    names = metafunc.config.getoption("databases").split(",")
    if "database" in metafunc.fixturenames and names != [SQLITE]:
        metafunc.parametrize("database", names, indirect=True)


@pytest.fixture(scope="session")
def connect_to():
    """Give the function that connects to a database on a server."""
    with servers() as connect_to:
        yield connect_to


@pytest.fixture
def database(conf, tmp_path, request):
    """Give an empty database with all tables; it is SQLite unless the command line says else."""
    name = getattr(request, "param", SQLITE)
    if name == SQLITE:
        connect(conf, tmp_path / "kingbird.sqlite")
    else:
        request.getfixturevalue("connect_to")(conf, name)
    yield conf
    db.dispose()
