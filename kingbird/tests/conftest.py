"""What all tests share: the concurrency backend, chosen before anything else is imported."""

from kingbird import concurrency

#: ``KINGBIRD_CONCURRENCY_BACKEND`` chooses it for the tests too.
BACKEND = concurrency.setup()

from hypothesis import HealthCheck, settings  # noqa: E402  after the backend

# How long an example takes tells of the machine, and of what else it does.
settings.register_profile("kingbird", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kingbird")
