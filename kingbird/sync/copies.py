"""Finds the copies that named images have in their target regions (design, sections 6 and 7).

A copy has the image's own id, or one of those that forced copies of it can have.
"""

from collections.abc import Iterable, Mapping

from kingbird import exception
from kingbird.clients.glance import Images
from kingbird.sync import image as fields
from kingbird.sync import listing
from kingbird.sync.image import Image
from kingbird.sync.listing import Found, Submit
from kingbird.sync.retries import Retry
from kingbird.sync.source import Caller

#: Source images' ids, by target region.
Wanted = Mapping[str, set[str]]
Answers = dict[str, Found | exception.KingbirdError]

#: Ids tried for a forced copy before it is given up.
FORCED_TRIES = 20


class Copies:
    """Asks target regions.

    :param regions: the images of each region, as the job's user sees them.
    """

    def __init__(
        self, regions: Mapping[str, Images], caller: Caller, submit: Submit, retry: Retry
    ) -> None:
        self._regions = regions
        self._caller = caller
        self._submit = submit
        self._retry = retry

    def _ask(self, ids: Mapping[str, Iterable[str]]) -> Answers:
        return listing.lookup_regions(ids, self._regions, self._submit, self._retry)

    def first_look(self, wanted: Wanted) -> Answers:
        """Ask for images' own ids and for the first ones of forced copies."""
        return self._ask(
            {
                target: {name for one in ids for name in (one, fields.forced_id(one, target, 1))}
                for target, ids in wanted.items()
                if ids
            }
        )

    def look_on(self, wanted: Wanted, sources: Mapping[str, Image], answers: Answers) -> Answers:
        """Ask for further ids of forced copies, where the ones before are something else.

        :param sources: the source images by their ids.
        :param answers: those of :meth:`first_look`; what is found is added.
        :returns: ``answers``.
        """
        latest = dict(answers)
        for n in range(2, FORCED_TRIES + 1):
            ask = {
                target: ids
                for target, answer in latest.items()
                if not isinstance(answer, exception.KingbirdError)
                and (ids := self._following(target, wanted[target], sources, answer, n))
            }
            if not ask:
                break
            latest = self._ask(ask)
            merge(answers, latest)
        return answers

    def _following(
        self,
        target: str,
        resources: Iterable[str],
        sources: Mapping[str, Image],
        answer: Found,
        n: int,
    ) -> set[str]:
        """Return the ``n``-th ids of the images whose id before is not a copy of them."""
        return {
            fields.forced_id(one, target, n)
            for one in resources
            if (taken := answer.get(fields.forced_id(one, target, n - 1)))
            and not self._may_be_copy(taken, sources[one])
        }

    def _may_be_copy(self, image: Image, source: Image) -> bool:
        owners = (self._caller.project_id, source.get("owner"))
        return image.get(fields.SOURCE_ID) == source["id"] and image.get("owner") in owners


def merge(answers: Answers, more: Answers) -> Answers:
    """Add answers to others; an error stays, or comes to stay.

    :returns: ``answers``.
    """
    for region, answer in more.items():
        before = answers.get(region, {})
        if isinstance(before, exception.KingbirdError):
            continue
        if isinstance(answer, exception.KingbirdError):
            answers[region] = answer
        else:
            answers[region] = {**before, **answer}
    return answers
