"""The tests of the db package, on MariaDB and PostgreSQL."""

import pytest

from kingbird.db import api as db
from kingbird.db import connection, models
from kingbird.tests.functional import services
from kingbird.tests.unit.conftest import conf  # noqa: F401  the fixture below is built on it
from kingbird.tests.unit.db.test_clock import *  # noqa: F403
from kingbird.tests.unit.db.test_engines import *  # noqa: F403
from kingbird.tests.unit.db.test_job_actions import *  # noqa: F403
from kingbird.tests.unit.db.test_jobs import *  # noqa: F403
from kingbird.tests.unit.db.test_leases import *  # noqa: F403
from kingbird.tests.unit.db.test_maintenance import *  # noqa: F403
from kingbird.tests.unit.db.test_migration import *  # noqa: F403
from kingbird.tests.unit.db.test_outcomes import *  # noqa: F403
from kingbird.tests.unit.db.test_plans import *  # noqa: F403
from kingbird.tests.unit.db.test_purge import *  # noqa: F403
from kingbird.tests.unit.db.test_revisions import *  # noqa: F403
from kingbird.tests.unit.db.test_runs import *  # noqa: F403


@pytest.fixture(scope="module", params=["MariaDB", "PostgreSQL"])
def server(request):
    """Make a database with tables on a server, once."""
    services.require(request.param)
    with services.database(request.param) as url:
        yield url


@pytest.fixture
def database(conf, server):  # noqa: F811
    """Return an empty database with all tables."""
    conf.set_override("connection", server, group="database")
    db.configure(conf)
    db.migration.sync()
    with connection.writer() as session:
        for table in reversed(models.Base.metadata.sorted_tables):
            session.execute(table.delete())
    yield conf
    db.dispose()
