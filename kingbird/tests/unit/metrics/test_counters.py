"""Events are counted, by labels of which there are few."""

import datetime
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from kingbird import events
from kingbird.api.middleware.request_metrics import RequestMetrics, route_template
from kingbird.metrics.counters import Counters


@pytest.fixture
def registry():
    made = CollectorRegistry()
    counters = Counters(made)
    events.subscribe(counters)
    yield made
    events.unsubscribe(counters)


def value(registry, name, **labels):
    return registry.get_sample_value(f"kingbird_{name}", labels)


#: When a job ends.  The clock of this host differs from the database's.
END = datetime.datetime(2000, 1, 1, 12)


def job(runs=1, took=3, trigger=None):
    created_at = END - datetime.timedelta(seconds=took)
    return SimpleNamespace(runs=runs, created_at=created_at, trigger=trigger)


def test_calls(registry):
    events.emit(events.GlanceCall("R1", "GET", "200", 0.2))
    events.emit(events.GlanceCall("R1", "GET", events.NO_ANSWER, 25))
    events.emit(events.KeystoneCall("POST", "201", 0.1))
    events.emit(events.RegionCallRetried("R1"))
    labels = {"region": "R1", "method": "GET"}
    assert value(registry, "glance_calls_total", code="200", **labels) == 1
    assert value(registry, "glance_calls_total", code="none", **labels) == 1
    assert value(registry, "glance_call_duration_seconds_sum", **labels) == 25.2
    assert value(registry, "keystone_calls_total", method="POST", code="201") == 1
    assert value(registry, "glance_retries_total", region="R1") == 1


def test_work_that_is_taken_over(registry):
    for kind in ("job", "task", "task"):
        events.emit(events.LeaseTakenOver(kind))
    assert value(registry, "lease_takeovers_total", kind="job") == 1
    assert value(registry, "lease_takeovers_total", kind="task") == 2


def test_only_a_first_run_has_a_duration(registry):
    events.emit(events.JobEnded(job(), "SUCCESS", None, END))
    events.emit(events.JobEnded(job(runs=2), "SUCCESS", None, END))
    assert value(registry, "jobs_ended_total", state="SUCCESS") == 2
    assert value(registry, "job_duration_seconds_count", state="SUCCESS") == 1
    assert value(registry, "job_duration_seconds_sum", state="SUCCESS") == 3


def test_runs_of_rules_are_counted_beside_other_jobs(registry):
    for trigger, state in (("event", "SUCCESS"), ("event", "FAILURE"), ("interval", "SUCCESS")):
        events.emit(events.JobEnded(job(trigger=trigger), state, None, END))
    events.emit(events.JobEnded(job(), "SUCCESS", None, END))
    assert value(registry, "jobs_ended_total", state="SUCCESS") == 3
    for trigger, state, number in (
        ("event", "SUCCESS", 1),
        ("event", "FAILURE", 1),
        ("interval", "SUCCESS", 1),
        ("interval", "FAILURE", None),
    ):
        assert value(registry, "rule_runs_total", trigger=trigger, state=state) == number


def test_imports(registry):
    events.emit(events.ImportEnded("R2", "imported", 7, 2.5))
    events.emit(events.ImportEnded("R2", "import_stuck", 0, None))
    for reason in ("imported", "import_stuck"):
        assert value(registry, "imports_ended_total", region="R2", reason=reason) == 1
    assert value(registry, "imported_bytes_total", region="R2") == 7
    assert value(registry, "import_duration_seconds_sum", region="R2") == 2.5
    assert value(registry, "import_duration_seconds_count", region="R2") == 1


def test_a_breaker_opens_and_closes(registry):
    for is_open in (True, False):
        events.emit(events.BreakerChanged("R1", is_open))
        assert value(registry, "region_breaker_open", region="R1") == is_open


def test_a_listener_that_fails_harms_nobody(registry):
    def fail(event):
        raise ValueError

    events.subscribe(fail)
    try:
        events.emit(events.RegionCallRetried("R1"))
    finally:
        events.unsubscribe(fail)
    assert value(registry, "glance_retries_total", region="R1") == 1


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("", "/"),
        ("/", "/"),
        ("/v1.0/", "/v1.0"),
        ("//healthcheck/", "/healthcheck"),
        ("/v1.0/openapi.json", "/v1.0/openapi.json"),
        ("/v1.0//p1/os-sync/", "/v1.0/{project_id}/os-sync"),
        ("/v1.0/p1/os-sync/active", "/v1.0/{project_id}/os-sync/active"),
        ("/v1.0/p1/os-sync/j1", "/v1.0/{project_id}/os-sync/{job_id}"),
        ("/v1.0/p1/os-sync/j1/cancel", "/v1.0/{project_id}/os-sync/{job_id}/cancel"),
        ("/v1.0/p1/os-sync/j1/x", "other"),
        ("/wp-login.php", "other"),
        ("/v2.0", "other"),
    ],
)
def test_a_path_is_counted_under_its_route(path, route):
    assert route_template(path) == route


def call(application, method="GET", path="/"):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
    return list(RequestMetrics(application)(environ, lambda status, headers: None))


def test_answers_are_counted_by_code(registry):
    def respond(environ, start_response):
        start_response("404 Not Found", [])
        return [b""]

    for number in range(3):
        call(respond, "BREW" if number else "GET", f"/{number}")
    assert value(registry, "api_requests_total", method="GET", route="other", code="404") == 1
    assert value(registry, "api_requests_total", method="other", route="other", code="404") == 2


def test_an_answer_that_fails_is_counted_as_500(registry):
    def fail(environ, start_response):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        call(fail)
    assert value(registry, "api_requests_total", method="GET", route="/", code="500") == 1


def test_what_a_listener_hears(registry):
    for _ in range(3):
        events.emit(events.NotificationHeard("R1"))
    events.emit(events.NotificationDropped("R1", "owner"))
    events.emit(events.MarksWritten(2))
    assert value(registry, "notifications_heard_total", region="R1") == 3
    assert value(registry, "notifications_dropped_total", region="R1", reason="owner") == 1
    assert value(registry, "marks_written_total") == 2
