"""How long a process may take to end."""

import pytest
from oslo_config import cfg
from oslo_service import backend, service

from kingbird.cmd import launcher

OPTION = "graceful_shutdown_timeout"


class Manager:
    """A cotyledon manager's interface, in a process that must not become one."""

    _graceful_shutdown_timeout = None

    def register_hooks(self, *, on_reload, on_new_worker):
        self.reload = on_reload

    def add(self, service, workers, args):
        self.worker = service(0, *args)

    def run(self):
        pass


class Idle(service.ServiceBase):
    """A service that does nothing."""

    def start(self):
        pass

    def stop(self):
        pass

    def wait(self):
        pass

    def reset(self):
        pass


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    """Take the configuration for one that can work."""
    monkeypatch.setattr(launcher.Keystone, "validate_config", lambda _: None)


@pytest.fixture
def launch(monkeypatch):
    """Give what launches on threads, and returns what cotyledon was told."""
    monkeypatch.setattr(
        launcher.backend, "get_backend_type", lambda: backend.BackendType.THREADING
    )
    made = Manager()
    monkeypatch.setattr(launcher.cotyledon, "ServiceManager", lambda: made)

    def launch(conf, **options):
        launcher.launch(conf, Idle(), **options)
        return made

    return launch


@pytest.mark.parametrize(
    ("grace", "chosen", "seconds"),
    [(30, None, 60), (60, None, 90), (600, None, 630), (5, 10, 35), (60, 1000, 1000), (60, 0, 0)],
)
def test_an_engine_gets_its_grace_time(launch, conf, grace, chosen, seconds):
    launcher.oslo_config_glue.register_opts(conf)
    conf.set_override("graceful_shutdown_timeout", grace, group="engine")
    if chosen is not None:
        conf.set_default(OPTION, chosen)
    manager = launch(conf, has_engine=True)
    assert manager._graceful_shutdown_timeout == seconds
    assert manager.worker.graceful_shutdown_timeout == seconds


def test_a_service_without_an_engine_keeps_its_timeout(launch, conf):
    conf.set_override("graceful_shutdown_timeout", 600, group="engine")
    manager = launch(conf)
    assert manager._graceful_shutdown_timeout == 60
    assert manager.worker.graceful_shutdown_timeout == 60


def test_a_grace_time_that_was_read_again_counts(launch, conf, tmp_path):
    file = tmp_path / "kingbird.conf"

    def write(grace, chosen):
        file.write_text(f"[DEFAULT]\n{OPTION} = {chosen}\n[engine]\n{OPTION} = {grace}\n")

    write(60, 60)
    conf(["--config-file", str(file)], project="kingbird")
    manager = launch(conf, has_engine=True)
    assert manager._graceful_shutdown_timeout == 90
    for grace, chosen, seconds in ((200, 60, 230), (10, 60, 60), (10, 300, 300)):
        write(grace, chosen)
        manager.reload()
        manager.worker.reload()
        assert manager._graceful_shutdown_timeout == seconds
        assert manager.worker.graceful_shutdown_timeout == seconds


def test_an_engine_on_eventlet_gets_its_grace_time_and_ends(monkeypatch, conf):
    seen = []

    class Launcher:
        def wait(self):
            seen.append(conf.graceful_shutdown_timeout)

    def launch(conf, launched, **options):
        # As oslo.service does.
        conf.register_opts([cfg.IntOpt(OPTION, default=60)])
        return Launcher()

    monkeypatch.setattr(launcher.backend, "get_backend_type", lambda: backend.BackendType.EVENTLET)

    def end(status):
        seen.append(status)
        raise SystemExit

    monkeypatch.setattr(launcher.service, "launch", launch)
    monkeypatch.setattr(launcher.os, "_exit", end)
    conf.set_override("graceful_shutdown_timeout", 60, group="engine")
    with pytest.raises(SystemExit):
        launcher.launch(conf, Idle(), has_engine=True)
    assert seen == [90, 0], "it ends though threads may still run"
