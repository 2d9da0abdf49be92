"""The samples in etc/kingbird are what the code would generate: ``make samples`` makes them.

Options of libraries change with each of their releases, and a sample can't follow all of
them: of those it has to show the groups, and the defaults that Kingbird changes.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ETC = ROOT / "etc"

#: Options of libraries that have another default in Kingbird.
CHANGED_DEFAULTS = {
    "DEFAULT": {"default_log_levels", "instance_uuid_format"},
    "healthcheck": {"backends"},
    "database": {"connection", "max_retries", "retry_interval"},
    "oslo_policy": {"policy_file"},
}


def generate(program: str, config: str, output: Path) -> str:
    """Run a generator, as ``make samples`` does, but into another file."""
    subprocess.run(
        [
            Path(sys.executable).with_name(program),
            *("--config-file", ETC / config),
            *("--output-file", output),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return output.read_text()


def blocks(sample: str) -> dict[tuple[str, str], str]:
    """Cut a sample into what each namespace has in each group."""
    found = {}
    for group in re.split(r"(?m)^(?=\[)", sample)[1:]:
        name = group[1 : group.index("]")]
        for block in re.split(r"(?m)^#\n# From (?=.*\n#\n)", group)[1:]:
            namespace, text = block.split("\n", 1)
            found[name, namespace] = text.strip("#\n")
    return found


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    output = tmp_path_factory.mktemp("samples") / "kingbird.conf"
    return generate("oslo-config-generator", "kingbird-config-generator.conf", output)


@pytest.fixture(scope="module")
def stored():
    return (ETC / "kingbird" / "kingbird.conf.sample").read_text()


def test_own_options_are_those_of_the_code(generated, stored):
    own = [
        {key: text for key, text in blocks(sample).items() if key[1] == "kingbird"}
        for sample in (generated, stored)
    ]
    assert own[0], "the generator knows no option of Kingbird's"
    assert own[1] == own[0]


def test_groups_of_libraries_are_there(generated, stored):
    assert set(blocks(generated)) <= set(blocks(stored))


def test_changed_defaults_of_libraries_are_shown(generated, stored):
    for group, names in CHANGED_DEFAULTS.items():
        pattern = re.compile(rf"(?m)^#({'|'.join(names)}) = (.*)$")
        lines = [
            dict(
                match.groups()
                for key, text in blocks(sample).items()
                if key[0] == group
                for match in pattern.finditer(text)
            )
            for sample in (generated, stored)
        ]
        assert set(lines[1]) == names
        if group == "DEFAULT":
            # The library's own levels are its own affair.
            assert "keystoneclient=WARN" in lines[1]["default_log_levels"]
        else:
            assert lines[1] == lines[0]


def test_sample_is_the_same_on_every_host(stored):
    assert str(ROOT) not in stored
    assert "node1.example.com" in stored


def test_policy_sample_is_that_of_the_code(tmp_path):
    text = generate(
        "oslopolicy-sample-generator", "kingbird-policy-generator.conf", tmp_path / "policy.yaml"
    )
    assert (ETC / "kingbird" / "policy.yaml.sample").read_text() == text
