"""Test that check and command tell whether regions can fetch data from each other."""

import pytest
from keystoneauth1 import fixture
from oslo_upgradecheck.upgradecheck import Code

from kingbird import exception
from kingbird.clients import catalog
from kingbird.cmd import data_sources, manage
from kingbird.cmd.checks import data_sources as check
from kingbird.tests.doubles.glance import FakeGlance, unavailable

ENABLED = ("glance-direct", "glance-download")


class Keystone:
    """A Keystone with a catalog."""

    service_auth = "service"

    def __init__(self, **urls):
        self.error = None
        token = fixture.V3Token()
        images = token.add_service("image")
        for region, found in urls.items():
            for interface, url in found.items():
                images.add_endpoint(interface, url, region=region)
        self.services = token["token"]["catalog"]

    def service_catalog(self):
        if self.error:
            raise self.error
        return catalog.well_formed(self.services)


class Regions:
    """Glances in memory."""

    def __init__(self, **glances):
        self.glances = glances

    def clients_for(self, endpoints, auth):
        assert auth == "service"
        return {name: self.glances[name].images_for("service") for name in endpoints}


@pytest.fixture
def regions():
    made = Regions(One=FakeGlance("One"), Two=FakeGlance("Two"))
    for glance in made.glances.values():
        glance.import_methods = ENABLED
    return made


def keystone(one="https://one.example", two="https://two.example", **more):
    return Keystone(One={"public": one}, Two={"public": two}, **more)


def test_all_is_well(conf, regions):
    found = data_sources.look(conf, keystone(), regions)
    assert found == [
        data_sources.RegionLook("One", True, "https://one.example"),
        data_sources.RegionLook("Two", True, "https://two.example"),
    ]
    result = check.regions(conf, keystone(), regions)
    assert (result.code, result.details) == (Code.SUCCESS, "2 regions fetch data")


def test_a_method_that_is_not_enabled(conf, regions):
    regions.glances["Two"].import_methods = ("glance-direct",)
    result = check.regions(conf, keystone(), regions)
    assert result.code is Code.WARNING
    assert "Two: its enabled_import_methods does not name glance-download" in result.details
    assert "One" not in result.details


def test_nobody_imports(conf, regions):
    for glance in regions.glances.values():
        glance.import_methods = ("glance-direct",)
    result = check.regions(conf, keystone(), regions)
    assert result.code is Code.SUCCESS
    assert "would fail" in result.details


def test_a_region_that_does_not_answer(conf, regions):
    regions.glances["Two"].fail("methods", unavailable())
    _, two = data_sources.look(conf, keystone(), regions)
    assert two.is_enabled is None
    assert "can't be read" in two.problems[0]


@pytest.mark.parametrize(
    ("url", "hints"),
    [
        ("http://one.example", []),
        ("https://one.example/image", []),
        ("http://one.example:9292", ["allowed_ports"]),
        ("http://127.0.0.1:80", ["allowed_hosts"]),
        ("http://localhost:9292", ["allowed_ports", "allowed_hosts"]),
        ("http://one.example:port", []),
    ],
)
def test_what_an_import_filter_would_refuse(conf, regions, url, hints):
    found = data_sources.look(conf, keystone(one=url), regions)
    one = next(each for each in found if each.region == "One")
    assert [name for hint in one.hints for name in hint.split() if "allowed" in name] == hints


def test_an_endpoint_to_which_glance_adds_v2_twice(conf, regions):
    result = check.regions(conf, keystone(one="https://one.example/v2/"), regions)
    assert result.code is Code.WARNING
    assert "ends in /v2" in result.details


def test_the_interface_of_imports(conf, regions):
    conf.set_override("import_interface", "internal", group="glance")
    result = check.regions(conf, keystone(), regions)
    assert result.code is Code.WARNING
    assert "no internal image endpoint" in result.details
    inside = {"public": "https://one.example", "internal": "http://inside.example"}
    found = data_sources.look(conf, Keystone(One=inside), regions)
    assert [one.url for one in found] == ["http://inside.example"]


def test_without_keystone(conf, regions):
    away = keystone()
    away.error = exception.KeystoneUnavailable("Keystone is away")
    result = check.regions(conf, away, regions)
    assert (result.code, "Keystone is away" in result.details) == (Code.WARNING, True)


def test_the_command_shows_each_region(conf, regions, monkeypatch, capsys):
    regions.glances["Two"].import_methods = ()
    found = data_sources.look(conf, keystone(one="http://one.example:9292"), regions)
    monkeypatch.setattr(data_sources, "look", lambda conf: found)
    manage._regions(conf)
    said = capsys.readouterr().out
    assert "One\n  fetches data:    yes\n" in said
    assert "http://one.example:9292 (public)" in said
    assert "look at: [import_filtering_opts] allowed_ports" in said
    assert "problem: its enabled_import_methods" in said
