"""What all tests share: the concurrency backend, chosen before anything else is imported."""

from kingbird import concurrency

#: ``KINGBIRD_CONCURRENCY_BACKEND`` chooses it for the tests too.
BACKEND = concurrency.setup()

from hypothesis import HealthCheck, settings  # noqa: E402  after the backend

# How long an example takes tells of the machine, and of what else it does.
settings.register_profile(
    "quick", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
#: For ``--hypothesis-profile=thorough``, as in ``make test-more``.
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=400)
settings.load_profile("quick")
