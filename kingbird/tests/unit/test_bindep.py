"""List the packages of the operating system, as ``bindep`` reads them."""

import re
from pathlib import Path

BINDEP = Path(__file__).resolve().parents[3] / "bindep.txt"
#: A package, and the profiles and platforms that want it.
LINE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?: \[(?P<profiles>!?[a-z0-9:_-]+(?: !?[a-z0-9:_-]+)*)\])?"
)


def packages() -> dict[str, set[str]]:
    """Return the profiles of each package, by its name."""
    found: dict[str, set[str]] = {}
    for text in BINDEP.read_text().splitlines():
        line = text.partition("#")[0].rstrip()
        if not line:
            continue
        match = LINE.fullmatch(line)
        assert match, f"bindep does not read {line!r} so"
        assert match["name"] not in found, f"{line} comes twice"
        found[match["name"]] = {*(match["profiles"] or "").split()}
    return found


def test_it_can_be_read() -> None:
    profiles = set().union(*packages().values())
    assert profiles == {"platform:dpkg", "platform:rpm", "test", "uwsgi"}


def test_who_runs_the_service_needs_python_alone() -> None:
    always = {name for name, wanted in packages().items() if not wanted & {"test", "uwsgi"}}
    assert always == {"python3", "python3-venv", "git", "make"}


def test_what_the_functional_tests_run_with_is_named() -> None:
    # The databases, the broker, and what stands in front of the API with its certificate.
    wanted = {name for name, profiles in packages().items() if "test" in profiles}
    for name in ("mariadb-server", "postgresql", "rabbitmq-server", "nginx", "openssl"):
        assert name in wanted
