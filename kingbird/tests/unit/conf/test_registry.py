"""Configuration: everything registered once, defaults that work, a sample of all of it."""

from oslo_config import cfg

from kingbird import conf as kingbird_conf


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
    groups = ("api", "engine", "sync", "glance", "healthcheck", "metrics", "upgrade_levels")
    registered = {(group, name) for group in groups for name in made[group]}
    shown = {
        (group, opt.dest)
        for group, opts in kingbird_conf.list_opts()
        for opt in opts
        if group not in ("DEFAULT", "keystone_authtoken")
    }
    assert shown == registered


def test_every_option_says_what_it_is_for():
    for group, opts in kingbird_conf.list_opts():
        for opt in opts:
            assert opt.help, f"[{group}] {opt.name}"
