"""Test the outcomes that sentences are made for."""

import pytest

from kingbird import exception
from kingbird.states import STATE_OF, Reason
from kingbird.sync import outcome as outcomes
from kingbird.sync.compare import Comparison
from kingbird.sync.outcome import (
    BEING_IMPORTED,
    SEVERAL_SETS,
    TOO_DEEP,
    Outcome,
    being_imported,
    message_for,
    outcome_of,
    region_failure,
)


def test_an_image_that_differs_while_it_is_imported() -> None:
    outcome = being_imported(["name", "tags", "name"], "copy", source="R1")
    assert (outcome.reason, outcome.target_resource) == (Reason.DRIFT, "copy")
    told = "Differs from the image in R1 in: name, tags"
    assert outcome.message == f"{told}; {BEING_IMPORTED}"


#: Reasons whose words say it all, or whose message comes from elsewhere.
SILENT = set(Reason) - {
    Reason.OWNER_CONFLICT,
    Reason.DATA_CONFLICT,
    Reason.DELETED_IN_TARGET,
    Reason.ID_TAKEN,
    Reason.REGION_BOUND,
    Reason.NOT_OWNER,
    Reason.LISTING_INCOMPLETE,
    Reason.NO_DATA,
    Reason.ORPHANED,
    Reason.HOME_UNKNOWN,
    Reason.SOURCE_GONE,
}
#: The regions that a sentence names.
OF_SOURCE = {Reason.REGION_BOUND, Reason.ORPHANED, Reason.HOME_UNKNOWN, Reason.SOURCE_GONE}
OF_NONE = {Reason.NOT_OWNER}


@pytest.mark.parametrize("reason", sorted(Reason))
def test_a_sentence_names_the_regions_that_it_is_about(reason: Reason) -> None:
    sentence = message_for(reason, source="SOURCE", target="TARGET")
    if reason in SILENT:
        assert sentence is None
        return
    assert sentence is not None
    assert "{" not in sentence
    assert ("SOURCE" in sentence) == (reason in OF_SOURCE | {Reason.NO_DATA})
    assert ("TARGET" in sentence) == (reason not in OF_SOURCE | OF_NONE)


LOOKUPS = {
    *("region_unavailable", "listing_incomplete", "source_gone", "forbidden"),
    *("credentials_rejected", "endpoint_invalid", "listing_refused", "credentials_lost"),
}


@pytest.mark.parametrize("reason", sorted(Reason))
def test_a_dry_run_has_planned_what_it_could_look_at(reason: Reason) -> None:
    assert Outcome(reason).status == STATE_OF[reason]
    planned = "PLANNED" if reason not in LOOKUPS else STATE_OF[reason]
    assert Outcome(reason, is_dry=True).status == planned


def test_notes_follow_each_other() -> None:
    assert Outcome("drift").with_note("a").message == "a"
    assert Outcome("drift", "a").with_note("b").with_note("").message == "a; b"
    assert SEVERAL_SETS.endswith("the first one counts")


@pytest.mark.parametrize(
    ("reason", "contacted", "without_token"),
    [("forbidden", False, True), ("forbidden", True, False), ("quota", False, False)],
)
def test_what_keystone_refuses(reason: str, contacted: bool, without_token: bool) -> None:
    assert Outcome(reason, region_contacted=contacted).is_without_token == without_token
    assert not Outcome(reason).is_without_token


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["name"], '"name", which Glance does not change under this name'),
        (
            ["disk_format", "container_format"],
            "disk_format, container_format, which can't be changed in an image that has data",
        ),
        (
            ["owner ", "disk_format", "base"],
            "disk_format, which can't be changed in an image that has data; "
            '"owner ", "base", which Glance does not change under this name',
        ),
    ],
)
def test_fields_that_are_left(fields: list[str], message: str) -> None:
    found = outcomes.left_message(fields, source="R1")
    assert found == f"Differs from the image in R1 in: {message}"


def test_few_of_many_fields_are_named() -> None:
    names = tuple(f"p{n}" for n in range(100))
    message = outcomes.drift_message(names, source="R1")
    some = ", ".join(names[:40])
    assert message == f"Differs from the image in R1 in: {some} and 60 more"
    assert len(outcomes.join_fields(["x" * 10_000])) < 500


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exception.RegionUnavailable("words", 503), "region_unavailable"),
        (exception.CredentialsLost("words"), "region_unavailable"),
        (exception.AnswerTooLarge("words"), "region_unavailable"),
        (exception.ImageRequestRejected("words", 401), "credentials_rejected"),
        (exception.ImageRequestRejected("words", 403), "forbidden"),
        (exception.ImageRequestRejected("words", 404), "endpoint_invalid"),
        (exception.ImageRequestRejected("words", 405), "endpoint_invalid"),
        (exception.ImageRequestRejected("words", 300), "endpoint_invalid"),
        (exception.ImageRequestRejected("words", 399), "endpoint_invalid"),
        (exception.ImageRequestRejected("words", 400), "listing_refused"),
        (exception.ImageRequestRejected("words", 418), "listing_refused"),
    ],
)
def test_errors_of_a_region(error: exception.KingbirdError, reason: str) -> None:
    assert region_failure(error) == Outcome(reason, "words")


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "credentials_rejected"), (403, "forbidden"), (413, "quota")]
)
def test_refusals_of_a_write(status: int, reason: str) -> None:
    assert outcomes.REFUSALS[status] == reason


def test_outcomes_without_a_look() -> None:
    gone = outcomes.no_endpoint("R2")
    assert gone == Outcome(
        "region_unavailable",
        "Region R2 has no image endpoint in the service catalog any more",
    )
    cancelled = outcomes.cancelled_in_part()
    assert (cancelled.reason, cancelled.region_contacted) == ("cancelled", False)
    assert cancelled.message is not None
    claimed = outcomes.id_claimed("R3", source="R1")
    assert claimed == Outcome(
        "owner_conflict",
        "The image with this id in R3 is older and belongs to another project, so the one in R1 "
        "is not copied",
    )


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (None, "it answers too slowly"),
        (Outcome("forbidden", "No."), "No."),
        (Outcome("listing_incomplete"), "R3 leaves images out of its list, as its policy says"),
    ],
)
def test_a_source_that_may_be_the_wrong_one(problem: Outcome | None, why: str) -> None:
    found = outcomes.better_source_unknown("R3", problem, source="R1")
    assert (found.reason, found.is_doubtful) == ("region_unavailable", True)
    assert (found.message or "").startswith(
        "Not updated from R1, as the image may come from R3, which could not be asked: " + why
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "quota"),
        ("Too many.", "quota"),
        (TOO_DEEP.message, "the references from image to image go deeper than 3"),
        # The message of an image that waited for one that is too deep.
        (
            f"kernel_id names image k, which could not be brought to R2: {TOO_DEEP.message}",
            "the references from image to image go deeper than 3",
        ),
    ],
)
def test_an_image_whose_kernel_is_missing(message: str | None, reason: str) -> None:
    found = outcomes.dependency_failed("kernel_id", "k", "R2", "quota", message)
    assert found == Outcome(
        "dependency_failed",
        f"kernel_id names image k, which could not be brought to R2: {reason}",
    )


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (
            Comparison("drift", ("name", "tags")),
            Outcome("drift", "Differs from the image in R1 in: name, tags", "i"),
        ),
        (Comparison("in_sync"), Outcome("in_sync", None, "i")),
        (Comparison("in_sync", note="Mind"), Outcome("in_sync", "Mind", "i")),
        (Comparison("no_data"), Outcome("no_data", None, "i")),
        (Comparison("owner_conflict"), Outcome("owner_conflict")),
        (Comparison("data_conflict"), Outcome("data_conflict")),
        # An id that stays taken is not tried again by the next job.
        (
            Comparison("id_taken", note="Mind"),
            Outcome("id_taken", "Mind", None, (("i", "id_taken"),)),
        ),
        (
            Comparison("deleted_in_target"),
            Outcome("deleted_in_target", None, None, (("i", "deleted_in_target"),)),
        ),
    ],
)
def test_outcomes_of_a_comparison(comparison: Comparison, expected: Outcome) -> None:
    assert outcome_of(comparison, "i", "R1") == expected
