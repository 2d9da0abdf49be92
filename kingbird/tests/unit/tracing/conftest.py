"""Share a process that traces between tests, and its spans."""

import pytest
from oslo_context import context
from osprofiler import notifier, profiler

from kingbird.tracing import jobs, spans
from kingbird.tracing.exporter import redact

KEY = "a-key-of-ones-own"


@pytest.fixture
def restored(monkeypatch):
    """Leave no trace behind."""
    before = notifier.get()
    monkeypatch.setattr(jobs, "_known", jobs._known.copy())
    # A test before may have left one to this thread.
    monkeypatch.setattr(context._request_store, "context", None, raising=False)
    yield
    profiler.clean()
    notifier.set(before)
    spans.configure(None)


@pytest.fixture
def traced(restored):
    """Switch tracing on; gives what is sent."""
    sent = []
    notifier.set(lambda payload: sent.append(redact(payload)))
    spans.configure(KEY)
    return sent
