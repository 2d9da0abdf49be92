"""The gate's jobs and the hooks of pre-commit run what there is in the tree."""

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]


def tox() -> configparser.ConfigParser:
    """Return tox.ini."""
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "tox.ini")
    return found


def zuul() -> tuple[dict[str, Any], Any]:
    """Return the jobs that .zuul.yaml defines, by name, and the project."""
    parts = yaml.safe_load((ROOT / ".zuul.yaml").read_text())
    jobs = {part["job"]["name"]: part["job"] for part in parts if "job" in part}
    (project,) = (part["project"] for part in parts if "project" in part)
    return jobs, project


def is_environment(name: str) -> bool:
    """Tell whether tox has an environment, or makes it of the name of a Python."""
    return bool(re.fullmatch(r"py3\d+", name)) or tox().has_section(f"testenv:{name}")


def test_each_job_of_the_gate_runs_an_environment_of_tox() -> None:
    jobs, project = zuul()
    names = {*project["check"]["jobs"], *project["gate"]["jobs"]}
    defined = {name for name in names if not name.startswith("openstack-tox-")}
    assert defined == {*jobs}
    environments = {name.removeprefix("openstack-tox-") for name in names - defined}
    environments |= {
        job["vars"]["tox_envlist"] for job in jobs.values() if job["parent"] == "openstack-tox"
    }
    assert {"pep8", "docs", "functional"} <= environments
    assert {name for name in environments if not is_environment(name)} == set()
    if "openstack-cover-jobs" in project["templates"]:
        assert is_environment("cover")


def test_each_supported_python_has_a_job() -> None:
    _, project = zuul()
    setup = (ROOT / "setup.cfg").read_text()
    supported = re.findall(r"Programming Language :: Python :: 3\.(\d+)", setup)
    jobs = {f"openstack-tox-py3{minor}" for minor in supported}
    assert jobs == {name for name in project["check"]["jobs"] if "-tox-py3" in name}


def test_the_second_region_is_that_of_the_sample() -> None:
    jobs, _ = zuul()
    subnode = jobs["kingbird-tempest"]["group-vars"]["subnode"]
    sample = (ROOT / "devstack" / "local.conf.region-two.sample").read_text()
    for name in subnode["devstack_localrc"]:
        assert re.search(rf"(?m)^{name}=", sample), name
    off = " ".join(re.findall(r"(?m)^disable_service (.+)$", sample)).split()
    assert {name for name, on in subnode["devstack_services"].items() if not on} <= {*off}


def test_each_hook_runs_a_tool_that_is_installed() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    required = (ROOT / "test-requirements.txt").read_text()
    programs = set()
    for repository in config["repos"]:
        # Another repository would be fetched from somewhere.
        assert repository["repo"] == "local"
        programs |= {shlex.split(hook["entry"])[0] for hook in repository["hooks"]}
    assert "ruff" in programs
    for program in programs - {"git"}:
        assert re.search(rf"(?m)^{program}[><=]", required), program


def test_doc8_looks_at_the_same_files_everywhere() -> None:
    (in_tox,) = re.findall(r"(?m)^    doc8 (.+)$", (ROOT / "tox.ini").read_text())
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    (in_make,) = re.findall(r"(?m)^\t\$\(BIN\)/doc8 (.+)$", makefile)
    assert in_make.split() == in_tox.split()
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    (pattern,) = (hook["files"] for hook in hooks if hook["id"] == "doc8")
    for place in in_tox.split():
        path = ROOT / place
        found = [path] if path.is_file() else sorted(path.rglob("*.rst"))
        for file in found:
            assert re.search(pattern, str(file.relative_to(ROOT))), file
