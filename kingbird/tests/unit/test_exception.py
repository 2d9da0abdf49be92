"""Logs tell of errors without their secrets."""

import pytest

from kingbird import exception


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exception.TrustRefused("Keystone refuses"), "Keystone refuses"),
        (ValueError("Failing row contains (9d3f7c1b)"), "ValueError"),
    ],
)
def test_logs_tell_no_texts_of_other_services(error, told):
    assert exception.explain(error) == told
