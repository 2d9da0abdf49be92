"""Test the outcomes that sentences are made for."""

from kingbird.states import Reason
from kingbird.sync.outcome import BEING_IMPORTED, being_imported


def test_an_image_that_differs_while_it_is_imported() -> None:
    outcome = being_imported(["name", "tags", "name"], "copy", source="R1")
    assert (outcome.reason, outcome.target_resource) == (Reason.DRIFT, "copy")
    told = "Differs from the image in R1 in: name, tags"
    assert outcome.message == f"{told}; {BEING_IMPORTED}"
