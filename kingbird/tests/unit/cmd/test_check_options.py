"""The upgrade checks of configuration files and policies."""

import json

import pytest
from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Code, UpgradeCommands

from kingbird.cmd.checks import options
from kingbird.conf import list_opts


@pytest.fixture
def read(conf, tmp_path):
    """Read a configuration file of some text; a folder of more files can be given too."""

    def read_text(text, **more):
        file = tmp_path / "kingbird.conf"
        file.write_text(text)
        words = ["--config-file", str(file)]
        for name, other in more.items():
            folder = tmp_path / "conf.d"
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.conf").write_text(other)
            words += ["--config-dir", str(folder)]
        conf(words, project="kingbird")
        return conf

    return read_text


def test_options_that_there_are(read):
    conf = read(
        "[DEFAULT]\ndebug = true\n[api]\nport = 1\nmax-limit = 7\n[sync]\ntombstone_ttl = 1\n"
        # Groups of libraries take what their release takes.
        "[oslo_messaging_rabbit]\nanything = 1\n[healthcheck]\nanything = 1\ntimeout = 1\n"
    )
    found = options.options(conf)
    assert (found.code, found.details) == (Code.SUCCESS, None)


def test_options_that_there_are_not(read):
    more = "[engine]\nwrokers = 1\n[rules]\nkeep = 1\n"
    found = options.options(read("[sync]\ntombston_ttl = 1\n", more=more))
    assert found.code is Code.WARNING
    assert "[rules] keep: misspelt, or removed" in found.details
    assert "[sync] tombston_ttl: misspelt, or removed" in found.details
    assert "[engine] wrokers" in found.details


def test_options_of_a_region_that_there_are_not(read):
    found = options.options(
        read("[listener:RegionOne]\ntransport_url = rabbit://a/\ntransport_uri = b\n")
    )
    assert found.code is Code.WARNING
    assert found.details.startswith("There is no option [listener:RegionOne] transport_uri")


@pytest.mark.parametrize(
    "text",
    [
        "[api]\nport = nonsense\n",
        "[upgrade_levels]\nengine = newest\n",
        "[rules]\nkeep_jobs = none\n",
        "[healthcheck]\ntimeout = long\n",
    ],
)
def test_a_value_that_an_option_does_not_take(read, text):
    found = options.options(read(text))
    assert found.code is Code.FAILURE
    assert text.split()[-1] in found.details


@pytest.mark.parametrize(
    ("opt", "written", "remark"),
    [
        (
            cfg.IntOpt("lease", deprecated_name="lease-time"),
            "lease_time",
            "[engine] lease_time is now called lease",
        ),
        (
            cfg.IntOpt("lease", deprecated_opts=[cfg.DeprecatedOpt("time", group="engine")]),
            "time",
            "[engine] time is now called lease",
        ),
        (
            cfg.IntOpt("lease", deprecated_for_removal=True, deprecated_reason="No use."),
            "lease",
            "[engine] lease will be removed: No use.",
        ),
    ],
)
def test_options_that_are_deprecated(read, monkeypatch, opt, written, remark):
    known = [(group, [opt] if group == "engine" else opts) for group, opts in list_opts()]
    monkeypatch.setattr(options, "list_opts", lambda: known)
    found = options.options(read(f"[engine]\n{written} = 10\n"))
    assert (found.code, found.details) == (Code.WARNING, remark)


@pytest.fixture
def check(read, tmp_path):
    """Check a policy file of some text."""

    def check_text(text, name="policy.yaml"):
        if text is not None:
            (tmp_path / name).write_text(text)
        conf = read(f"[oslo_policy]\npolicy_file = {tmp_path / name}\n")
        return options.policies(UpgradeCommands(), conf)

    return check_text


def test_no_policy_file(read):
    assert options.policies(UpgradeCommands(), read("")).code is Code.SUCCESS


def test_a_policy_file_that_is_not_there(check):
    found = check(None)
    assert found.code is Code.WARNING
    assert "not there" in found.details


def test_a_sound_policy_file(check):
    text = '"own": "role:reader"\n"kingbird:sync_jobs:show": "rule:own"\n'
    assert check(text).code is Code.SUCCESS


def test_a_policy_file_in_json(check):
    found = check(json.dumps({"kingbird:sync_jobs:show": "role:reader"}))
    assert found.code is Code.FAILURE
    assert "JSON" in found.details


def test_a_rule_that_nothing_asks_for(check):
    found = check('"kingbird:sync_job:get": "role:reader"\n')
    assert found.code is Code.WARNING
    assert "kingbird:sync_job:get" in found.details


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"kingbird:sync_jobs:show": [\n', "can't be read"),
        ('"kingbird:sync_jobs:show": "rule:nowhere"\n', "refers to a rule that there is not"),
        ('"a": "rule:b"\n"b": "rule:a"\n', "or to itself"),
    ],
)
def test_a_policy_file_that_is_broken(check, text, said):
    found = check(text)
    assert found.code is Code.FAILURE
    assert said in found.details
