"""Off unless an address is given; one process answers for all."""

import os
import subprocess
import sys
import urllib.request

from kingbird import concurrency, metrics
from kingbird.metrics.multiproc_dir import MultiprocessDir
from kingbird.tests.functional.programs import free_port
from kingbird.tests.threads import begun_threads
from kingbird.tests.waiting import PATIENCE, eventually

OFF = """
import sys, threading
from kingbird.api import wsgi
from kingbird import events
assert not [name for name in sys.modules if name.startswith("prometheus_client")]
assert not events._subscribers
assert not [each for each in threading.enumerate() if "metrics" in each.name]
"""


def test_off_it_costs_nothing(tmp_path):
    environment = {**os.environ, "KINGBIRD_CONFIG_FILE": str(tmp_path / "kingbird.conf")}
    # The server of the module has threads of its own.
    environment.pop(concurrency.ENVIRONMENT, None)
    (tmp_path / "kingbird.conf").write_text(
        "[keystone_authtoken]\nauth_type = password\nauth_url = http://127.0.0.1:1/v3\n"
        "username = kingbird\npassword = x\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OFF],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_directory_that_cannot_be_used_is_no_end(conf, tmp_path, caplog, monkeypatch):
    (tmp_path / "file").write_text("")
    conf.set_override("listen", f"127.0.0.1:{free_port()}", group="metrics")
    conf.set_override("directory", str(tmp_path / "file"), group="metrics")
    monkeypatch.setattr(metrics, "_started", False)
    with begun_threads() as begun:
        metrics.start(conf)
    assert "Metrics are disabled" in caplog.text
    assert begun == []


COUNT = """
import os, signal, sys, time
from oslo_config import cfg
from kingbird import conf as kingbird_conf, events, metrics
made = cfg.ConfigOpts()
kingbird_conf.register_opts(made)
made([], project="kingbird", prog="kingbird-api", default_config_files=[], default_config_dirs=[])
made.set_override("listen", sys.argv[1], group="metrics")
made.set_override("directory", sys.argv[2], group="metrics")
metrics.start(made)
children = []
for _ in range(2):
    pid = os.fork()
    if not pid:
        events.emit(events.RegionCallRetried("R1"))
        events.emit(events.BreakerChanged("R1", True))
        time.sleep(3600)
        os._exit(0)
    children.append(pid)
events.emit(events.RegionCallRetried("R1"))
print("ready", *children, flush=True)
sys.stdin.read()
for pid in children:
    os.kill(pid, signal.SIGKILL)
"""


def scrape(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}/metrics", timeout=PATIENCE) as answer:
        return answer.read().decode()


def test_processes_add_up_and_the_dead_leave_no_state(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    old = MultiprocessDir(tmp_path / f"kingbird-api-{address.split(':')[1]}")
    (old.path / "counter_1.db").write_bytes(b"of an earlier run")
    command = [sys.executable, "-W", "ignore", "-c", COUNT, address, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        children = [int(pid) for pid in running.stdout.readline().split()[1:]]

        def says(line):
            try:
                return line in scrape(address).splitlines()
            except OSError:
                return False

        try:
            eventually("all count", lambda: says('kingbird_glance_retries_total{region="R1"} 3.0'))
            eventually("it is open", lambda: says('kingbird_region_breaker_open{region="R1"} 1.0'))
            assert says("kingbird_database_up 0.0")
            for pid in children:
                os.kill(pid, 9)
            # If one of them served the metrics, the parent takes over within a second.
            eventually("all count", lambda: says('kingbird_glance_retries_total{region="R1"} 3.0'))
        finally:
            running.stdin.close()
            running.wait(PATIENCE)


def test_who_is_dead_is_forgotten(tmp_path):
    folder = MultiprocessDir(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {"gauge_livemax": dead.pid, "counter": dead.pid, "gauge_livemin": os.getpid()}
    for name, pid in names.items():
        (tmp_path / f"{name}_{pid}.db").touch()
    folder.remove_dead_gauges()
    left = {file.name.rpartition("_")[0] for file in tmp_path.glob("*.db")}
    assert left == {"counter", "gauge_livemin"}


def test_one_answers_and_the_first_clears(tmp_path):
    first, second = MultiprocessDir(tmp_path), MultiprocessDir(tmp_path)
    (tmp_path / "counter_1.db").touch()
    first.join()
    assert not list(tmp_path.glob("*.db"))
    (tmp_path / "counter_2.db").touch()
    second.join()
    assert list(tmp_path.glob("*.db"))
    assert first.try_lead()
    assert not second.try_lead()
    first.drop_inherited_locks()
    assert second.try_lead()
