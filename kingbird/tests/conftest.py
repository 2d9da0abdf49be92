"""What all tests share: the concurrency backend, chosen before anything else is imported."""

from kingbird import concurrency

#: ``KINGBIRD_CONCURRENCY_BACKEND`` chooses it for the tests too.
BACKEND = concurrency.setup()
