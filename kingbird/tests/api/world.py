"""The API in one process: real application and middleware, SQLite, and doubles behind them.

Two regions hold images under ids that tests know.  The name of a token says whose it is.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture as ksm_fixture
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.api import app, openapi
from kingbird.api.controllers.root import ROUTES
from kingbird.db import api as db
from kingbird.tests.api import doubles
from kingbird.tests.api.conformance import Conforming
from kingbird.tests.database import connect
from kingbird.tests.doubles.glance import FakeGlance

PROJECT = "a1111111222233334444555555555555"
OTHER_PROJECT = "f9999999888877776666555555555555"

#: Images of the project in RegionOne.
IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"
IMAGE_2 = "aaaaaaaa-0000-4000-8000-000000000002"
HIDDEN = "aaaaaaaa-0000-4000-8000-000000000003"
#: Images in RegionTwo only.
IN_TWO = "bbbbbbbb-0000-4000-8000-000000000001"
#: A private image of another project in RegionOne.
PRIVATE = "cccccccc-0000-4000-8000-000000000001"

#: A namespace of metadata definitions in RegionOne.
NAMESPACE = "OS::Test::Namespace"

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")

MEMBER_ROLES = ("member", "reader")


def token_of(
    project: str | None, *roles: str, regions: Sequence[str] = REGIONS, **more: Any
) -> ksa_fixture.V3Token:
    """Return Keystone's description of a token, with regions and Kingbird in its catalog."""
    token = ksa_fixture.V3Token(
        user_id="0123456789abcdef0123456789abcdef",
        user_name="somebody",
        user_domain_id="default",
        project_id=project,
        project_domain_id="default" if project else None,
        **more,
    )
    for role in roles:
        token.add_role(name=role)
    service = token.add_service("image", name="glance")
    for region in regions:
        service.add_endpoint("public", f"http://{region.lower()}.test", region=region)
    token.add_service("synchronization").add_endpoint("public", "http://kingbird.test/v1.0")
    return token


#: The open worlds.  A process has one database connection, which leads to the last one.
_open: list["World"] = []


class World:
    """A context manager.  ``application`` answers while it is open.

    Another world may be opened and closed meanwhile.

    :param options: options of ``[api]`` that differ from the defaults.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    def __enter__(self) -> "World":
        self._directory = tempfile.mkdtemp(prefix="kingbird-")
        self.conf = cfg.ConfigOpts()
        kingbird_conf.register_opts(self.conf)
        kingbird_conf.set_library_defaults()
        self.conf([], project="kingbird", default_config_files=[], default_config_dirs=[])
        # A response that the document does not promise fails the test.
        self.conf.set_override("response_validation", "error", group="api")
        for name, value in self._options.items():
            self.conf.set_override(name, value, group="api")
        _open.append(self)
        connect(self.conf, Path(self._directory) / "kingbird.db")
        self._tokens = ksm_fixture.AuthTokenFixture()
        self._tokens.setUp()
        self.journal = doubles.Journal()
        self.glances = {region: FakeGlance(region) for region in REGIONS}
        self.keystone = doubles.FakeKeystone(self.journal)
        self.projects: dict[str, str] = {}
        self.regions = doubles.FakeRegions(self.glances, self.projects)
        self.engines = doubles.FakeEngines(self.journal)
        self._add_tokens()
        self._add_images()
        application = app.build(
            self.conf,
            keystone=self.keystone,  # type: ignore[arg-type]
            regions=self.regions,  # type: ignore[arg-type]
            engines=self.engines,
        )
        #: The application without the check of its responses.
        self.unchecked: Any = application
        self.application: Any = Conforming(application, openapi.build(self.conf, ROUTES))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tokens.cleanUp()
        db.dispose()
        _open.remove(self)
        if _open:
            db.configure(_open[-1].conf)
        shutil.rmtree(self._directory)

    def add_token(self, name: str, project: str | None, *roles: str, **more: Any) -> None:
        """Create a token and register it with the middleware."""
        self.add(token_of(project, *roles, **more), name)

    def add(self, token: ksa_fixture.V3Token, name: str) -> None:
        """Register a token of :func:`token_of` with the middleware."""
        self._tokens.add_token(token, token_id=name)
        self.projects[name] = token.project_id or ""

    def _add_tokens(self) -> None:
        self.add_token("member", PROJECT, *MEMBER_ROLES)
        self.add_token("reader", PROJECT, "reader")
        self.add_token("admin", PROJECT, "admin", "manager", *MEMBER_ROLES)
        self.add_token("service", PROJECT, "service")
        self.add_token("no-role", PROJECT)
        self.add_token("other", OTHER_PROJECT, *MEMBER_ROLES)
        self.add_token("other-admin", OTHER_PROJECT, "admin", "manager", *MEMBER_ROLES)
        self.add_token("unscoped", None)
        self.add_token("one-region", PROJECT, *MEMBER_ROLES, regions=["RegionOne"])
        self.add_token("application", PROJECT, *MEMBER_ROLES, methods=["application_credential"])
        system = token_of(None, "admin", *MEMBER_ROLES)
        system.set_system_scope()
        self.add(system, "system")

    def _add_images(self) -> None:
        mine = {
            region: glance.images_for(PROJECT, is_admin=True)
            for region, glance in self.glances.items()
        }
        for image_id in (IMAGE, IMAGE_2):
            mine["RegionOne"].create({"id": image_id, "name": image_id})
        mine["RegionOne"].create({"id": HIDDEN, "os_hidden": True})
        mine["RegionTwo"].create({"id": IN_TWO})
        theirs = self.glances["RegionOne"].images_for(OTHER_PROJECT, is_admin=True)
        theirs.create({"id": PRIVATE, "visibility": "private"})
        mine["RegionOne"].metadefs.create({"namespace": NAMESPACE, "visibility": "public"})
        for glance in self.glances.values():
            glance.calls.clear()
