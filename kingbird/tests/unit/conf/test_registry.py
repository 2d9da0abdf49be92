"""Configuration: everything registered once, defaults that work, a sample of all of it."""

import pytest
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.conf import listener


def test_options_that_everyone_relies_on(conf):
    assert conf.api.port == 8118
    assert conf.database.connection == "sqlite:////var/lib/kingbird/kingbird.sqlite"
    assert conf.glance.timeout == 25
    assert conf.sync.region_concurrency == 8
    assert conf.engine.lease == 60
    assert conf.sync.trust_roles == ["admin", "member"]


def test_registering_twice_does_no_harm(conf):
    kingbird_conf.register_opts(conf)


def test_the_sample_shows_every_option_of_kingbirds_own():
    made = cfg.ConfigOpts()
    kingbird_conf.register_opts(made)
    own = ("api", "engine", "sync", "rules", "listener", "glance", "healthcheck", "metrics")
    groups = (*own, "upgrade_levels")
    registered = {(group, name) for group in groups for name in made[group]}
    shown = {
        (group, opt.dest)
        for group, opts in kingbird_conf.list_opts()
        for opt in opts
        if group not in ("DEFAULT", "keystone_authtoken", "listener:region")
    }
    assert shown == registered


def test_every_option_says_what_it_is_for():
    for group, opts in kingbird_conf.list_opts():
        for opt in opts:
            assert opt.help, f"[{group}] {opt.name}"


@pytest.mark.parametrize(
    ("group", "old", "new"),
    [
        ("sync", "late_after", "slow_region_timeout"),
        ("sync", "fail_fast_after", "breaker_threshold"),
        ("sync", "breaker_pause", "breaker_reset_timeout"),
        ("engine", "grace", "graceful_shutdown_timeout"),
    ],
)
def test_an_old_name_still_sets_the_option(conf, tmp_path, group, old, new):
    file = tmp_path / "kingbird.conf"
    # Not the default of any of them.
    file.write_text(f"[{group}]\n{old} = 17\n")
    conf(["--config-file", str(file)], project="kingbird")
    assert conf[group][new] == 17
    file.write_text(f"[{group}]\n{old} = 18\n")
    conf.mutate_config_files()
    assert conf[group][new] == 18


def test_a_region_has_options_of_its_own(tmp_path):
    file = tmp_path / "kingbird.conf"
    file.write_text(
        "[listener]\nregions = RegionOne, RegionTwo\n"
        "[listener:RegionOne]\ntransport_url = rabbit://one/\n"
    )
    made = cfg.ConfigOpts()
    kingbird_conf.register_opts(made)
    made([], default_config_files=[str(file)], default_config_dirs=[])
    urls = {
        region: listener.options_of(made, region).transport_url for region in made.listener.regions
    }
    assert urls == {"RegionOne": "rabbit://one/", "RegionTwo": None}


def test_each_thread_of_an_engine_keeps_its_connection(conf):
    # Beside its tasks: the dispatcher, rules, leases, the reaper and messages.
    assert conf.database.max_pool_size >= conf.engine.max_tasks + 5
