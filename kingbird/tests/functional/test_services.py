"""Tests are skipped without a service, or fail if all services are required."""

import pytest

from kingbird.tests.functional import services


@pytest.mark.parametrize("service", services.URLS)
def test_missing(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, usual = services.URLS[service]
    scheme = usual.partition(":")[0]
    monkeypatch.setenv(variable, f"{scheme}://nobody@127.0.0.1:{services.closed_port()}/")
    monkeypatch.delenv(services.REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"{service} does not answer.*{variable}"):
        services.require(service)
    monkeypatch.setenv(services.REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match=f"{service} does not answer"):
        services.require(service)


def test_nothing_required() -> None:
    services.require()
