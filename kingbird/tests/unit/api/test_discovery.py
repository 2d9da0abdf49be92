"""keystoneauth finds the service and its version from the catalog, however it is registered."""

import threading
from collections.abc import Iterator

import pytest
from cheroot import wsgi
from keystoneauth1 import access, adapter, session
from keystoneauth1.identity import access as access_plugin

from kingbird.tests.api.world import MEMBER_ROLES, PROJECT, World, token_of

REGISTERED = [
    path + slash
    for path in ("", "/v1.0", f"/v1.0/{PROJECT}", "/synchronization", "/synchronization/v1.0")
    for slash in ("", "/")
]


@pytest.fixture(scope="module")
def url(shared_world: World) -> Iterator[str]:
    """Serve the application, at the root and below a prefix as behind Apache."""
    server = wsgi.Server(
        ("127.0.0.1", 0),
        wsgi.PathInfoDispatcher(
            {"/": shared_world.application, "/synchronization": shared_world.application}
        ),
        numthreads=2,
    )
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"http://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    thread.join()


def signed_in(endpoint: str) -> session.Session:
    """Return the session of a member in whose catalog the service has that endpoint."""
    token = token_of(PROJECT, *MEMBER_ROLES)
    (service,) = (each for each in token.root["catalog"] if each["type"] == "synchronization")
    for each in service["endpoints"]:
        each.update(url=endpoint, region="RegionOne", region_id="RegionOne")
    auth_ref = access.AccessInfoV3(body=token, auth_token="member")
    return session.Session(access_plugin.AccessInfoPlugin(auth_ref))


@pytest.mark.parametrize("path", REGISTERED)
def test_the_version_is_found(url: str, path: str) -> None:
    found = adapter.Adapter(
        signed_in(f"{url}{path}"), service_type="synchronization", min_version="1"
    )
    data = found.get_endpoint_data()
    assert data is not None
    assert data.api_version == (1, 0)
    prefix = "/synchronization" if path.startswith("/synchronization") else ""
    assert (data.url or "").startswith(f"{url}{prefix}/v1.0")
    assert found.get_api_major_version() == (1, 0)


@pytest.mark.parametrize("path", REGISTERED)
def test_its_calls_are_found(url: str, path: str) -> None:
    found = adapter.Adapter(
        signed_in(f"{url}{path}"), service_type="synchronization", version="1.0"
    )
    # An endpoint that names the project is one below which the project need not be named.
    jobs = "/os-sync" if PROJECT in path else f"/{PROJECT}/os-sync"
    assert found.get(jobs).json()["job_set"] == []


@pytest.mark.parametrize("path", REGISTERED)
def test_all_versions_are_listed(url: str, path: str) -> None:
    found = signed_in(f"{url}{path}").get_all_version_data(service_type="synchronization")
    (regions,) = found.values()
    (services,) = regions.values()
    (versions,) = services.values()
    assert [(each["version"], each["status"]) for each in versions] == [("1.0", "CURRENT")]


@pytest.mark.parametrize("path", [each for each in REGISTERED if "v1.0" in each])
def test_a_versioned_endpoint_needs_no_word_about_versions(url: str, path: str) -> None:
    found = adapter.Adapter(signed_in(f"{url}{path}"), service_type="synchronization")
    jobs = "os-sync" if PROJECT in path else f"{PROJECT}/os-sync"
    assert found.get(f"/{jobs}").json()["job_set"] == []


@pytest.mark.parametrize("path", REGISTERED)
def test_there_is_no_version_2(url: str, path: str) -> None:
    found = adapter.Adapter(
        signed_in(f"{url}{path}"), service_type="synchronization", min_version="2"
    )
    assert found.get_endpoint_data() is None
