"""Metrics that count events.

Labels have few values: regions come from the service catalog, and routes are templates.
"""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kingbird import events

#: Seconds.  A call to a region may take up to 25 by default.
CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)
#: A job may take hours.
JOB_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 10800, 36000)


class Counters:
    """A subscriber of events that counts them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, labels: str) -> Counter:
            return Counter(f"kingbird_{name}", text, labels.split(), registry=registry)

        def histogram(
            name: str, text: str, labels: str, buckets: tuple[float, ...] = CALL_BUCKETS
        ) -> Histogram:
            return Histogram(
                f"kingbird_{name}", text, labels.split(), registry=registry, buckets=buckets
            )

        self._requests = counter(
            "api_requests_total", "Requests that the API answered", "method route code"
        )
        self._request_seconds = histogram(
            "api_request_duration_seconds",
            "Seconds in which the API answered a request",
            "method route",
        )
        self._glance_calls = counter(
            "glance_calls_total",
            "HTTP requests to Glance; code is none where there was no answer",
            "region method code",
        )
        self._glance_seconds = histogram(
            "glance_call_duration_seconds", "Seconds until Glance's answer began", "region method"
        )
        self._keystone_calls = counter(
            "keystone_calls_total",
            "HTTP requests to Keystone, but for the validation of tokens",
            "method code",
        )
        self._keystone_seconds = histogram(
            "keystone_call_duration_seconds", "Seconds until Keystone's answer began", "method"
        )
        self._retries = counter(
            "glance_retries_total", "Calls to Glance that were retried", "region"
        )
        self._breakers = Gauge(
            "kingbird_region_breaker_open",
            "1 while the circuit breaker of a region is open, else 0",
            ["region"],
            registry=registry,
            # The worst value of a service's processes counts.
            multiprocess_mode="livemax",
        )
        self._takeovers = counter(
            "lease_takeovers_total",
            "Jobs and tasks taken over from an engine whose lease had run out",
            "kind",
        )
        self._items = counter(
            "items_ended_total",
            "Images by target region that got an outcome, those in sync included",
            "region status reason",
        )
        self._imports = counter(
            "imports_ended_total", "Imports of data by target region", "region reason"
        )
        self._import_bytes = counter(
            "imported_bytes_total", "Bytes of the data that have come", "region"
        )
        self._import_seconds = histogram(
            "import_duration_seconds",
            "Seconds from the request for an import to the look that found the data",
            "region",
            buckets=JOB_BUCKETS,
        )
        self._jobs = counter("jobs_ended_total", "Jobs that have ended", "state")
        self._rule_runs = counter(
            "rule_runs_total", "Runs of rules that have ended", "trigger state"
        )
        self._job_seconds = histogram(
            "job_duration_seconds",
            "Seconds from a job's request to its end, the first time that it ran",
            "state",
            buckets=JOB_BUCKETS,
        )
        self._heard = counter(
            "notifications_heard_total", "Messages of Glance that a listener got", "region"
        )
        self._dropped = counter(
            "notifications_dropped_total",
            "Messages that concern no rule",
            "region reason",
        )
        self._marks = counter("marks_written_total", "Images that rules have to look at", "")

    def __call__(self, event: Any) -> None:
        """Count an event."""
        match event:
            case events.ApiRequest(method, route, code, seconds):
                self._requests.labels(method, route, code).inc()
                self._request_seconds.labels(method, route).observe(seconds)
            case events.GlanceCall(region, method, code, seconds):
                self._glance_calls.labels(region, method, code).inc()
                self._glance_seconds.labels(region, method).observe(seconds)
            case events.KeystoneCall(method, code, seconds):
                self._keystone_calls.labels(method, code).inc()
                self._keystone_seconds.labels(method).observe(seconds)
            case events.RegionCallRetried(region):
                self._retries.labels(region).inc()
            case events.BreakerChanged(region, is_open):
                self._breakers.labels(region).set(is_open)
            case events.LeaseTakenOver(kind):
                self._takeovers.labels(kind).inc()
            case events.ItemsEnded(region, status, reason, number):
                self._items.labels(region, status, reason).inc(number)
            case events.ImportEnded():
                self._count_import(event)
            case events.JobEnded():
                self._count_job(event)
            case events.NotificationHeard(region):
                self._heard.labels(region).inc()
            case events.NotificationDropped(region, reason):
                self._dropped.labels(region, reason).inc()
            case events.MarksWritten(number):
                self._marks.inc(number)

    def _count_import(self, ended: events.ImportEnded) -> None:
        self._imports.labels(ended.region, ended.reason).inc()
        self._import_bytes.labels(ended.region).inc(ended.size)
        if ended.seconds is not None:
            self._import_seconds.labels(ended.region).observe(max(ended.seconds, 0.0))

    def _count_job(self, ended: events.JobEnded) -> None:
        job, state = ended.job, ended.state
        self._jobs.labels(state).inc()
        if job.trigger is not None:
            self._rule_runs.labels(job.trigger, state).inc()
        if job.runs == 1:
            # The start of a later run is not known.
            took = ended.ended_at - job.created_at
            self._job_seconds.labels(state).observe(max(took.total_seconds(), 0.0))
