"""The nginx of the installation guide in front of the API, with the guide's own lines."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import requests

from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually, free_port
from kingbird.tests.guide.pages import blocks
from kingbird.tests.waiting import PATIENCE

PAGE = "doc/source/install/api.rst"
#: ``make`` installs nginx beside the virtual environment's programs if it is available.
NGINX = shutil.which("nginx", path=Path(sys.prefix) / "debian/usr/sbin") or shutil.which("nginx")
#: The configuration of a packaged nginx around the guide's lines.
AROUND = """
daemon off;
# Of a test that root runs, workers are nobody's and may not write here.
user root;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {lines}
}}
"""
#: Seconds for which nginx waits for a slow client, and gunicorn's thread with it.
HELD = 60
#: More clients than gunicorn has threads here.
SLOW = 20
#: Enough requests for both APIs to get some.
TURNS = 6


@pytest.fixture(autouse=True)
def nginx() -> str:
    """Return the program.  Skip the test without it, or fail if all requirements are mandatory."""
    if NGINX is not None:
        return str(NGINX)
    if services.required():
        pytest.fail(f"{services.REQUIRE} is set, but nginx is not here")
    pytest.skip("nginx is not here")


def certificate(folder: Path) -> Path:
    """Make a certificate of loopback with its key, in one file."""
    made = folder / "kingbird.pem"
    key = folder / "kingbird.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", made, "-keyout", key),
        ],
        check=True,
        capture_output=True,
    )
    return made


def settings(folder: Path, apis: Sequence[str], port: int) -> str:
    """Return the guide's lines, changed for two APIs here."""
    first, second = (url.removeprefix("http://") for url in apis)
    (lines,) = [text for language, text in blocks(PAGE) if language == "nginx"]
    changes = {
        "server 192.0.2.11:8118;": f"server {first};",
        "server 192.0.2.12:8118;": f"server {second};",
        "listen 8118 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/ssl/kingbird": f"{folder}/kingbird",
    }
    for old, new in changes.items():
        assert old in lines
        lines = lines.replace(old, new)
    return AROUND.format(folder=folder, lines=lines)


@pytest.fixture
def running(deploy_own: Callable[[Kind], Deployment]) -> Deployment:
    return deploy_own(
        Kind(
            "MariaDB",
            broker=True,
            options={"oslo_middleware": {"enable_proxy_headers_parsing": "true"}},
        )
    )


@pytest.fixture
def proxied(running: Deployment, nginx: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the URL of nginx and the certificate to trust."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    trusted = certificate(folder)
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(settings(folder, [running.url, running.start_another_api()], port))
    url = f"https://127.0.0.1:{port}"
    log = folder / "nginx.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [nginx, "-p", folder, "-c", file, "-e", "stderr"], stdout=output, stderr=output
        )
        try:
            eventually("nginx listens", lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield url, trusted
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_the_guides_proxy(
    running: Deployment, proxied: tuple[str, Path], demo: Person, tmp_path: Path
) -> None:
    url, trusted = proxied
    # Links contain the address that the caller used.
    found = requests.get(url, timeout=PATIENCE, verify=str(trusted)).json()["versions"]
    assert [link["href"].startswith(f"{url}/") for link in found[0]["links"]] == [True]
    straight = requests.get(running.url, timeout=PATIENCE).json()["versions"]
    assert straight[0]["links"][0]["href"].startswith(f"{running.url}/")

    api = KingbirdAPI(url, demo)
    api._session.verify = str(trusted)
    image = demo.make("RegionOne")
    assert api.run(sync(image["id"])).status == SUCCESS

    # Up to twice the limit the error is Kingbird's own.
    refused = api.call("POST", data=b" " * 1_500_000)
    assert refused.status_code == 413
    assert "max_request_body_size" in refused.json()["error"]["message"]

    with contextlib.ExitStack() as stack:
        for _ in range(SLOW):
            stack.enter_context(half_a_request(url, trusted, demo))
        begun = time.monotonic()
        assert api.call("GET").status_code == 200
        assert time.monotonic() - begun < HELD, "slow clients hold the API's threads"

    # nginx alternates between the APIs, and the death of one causes no error.
    assert running.api is not None
    running.api.kill()
    assert [api.call("GET").status_code for _ in range(TURNS)] == [200] * TURNS
    assert api.run(sync(demo.make("RegionOne")["id"])).status == SUCCESS
    said = (tmp_path / "nginx" / "nginx.log").read_text()
    assert running.url in said, "nginx did not try the one that died"


@contextlib.contextmanager
def half_a_request(url: str, trusted: Path, who: Person) -> Iterator[None]:
    """Begin to send a body."""
    host, _, port = url.removeprefix("https://").partition(":")
    context = ssl.create_default_context(cafile=str(trusted))
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(
            f"POST /v1.0/{who.project_id}/os-sync HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"X-Auth-Token: {who.token}\r\nContent-Length: 100\r\n\r\n{{".encode()
        )
        yield
