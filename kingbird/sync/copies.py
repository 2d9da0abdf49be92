"""Finds the copies that named images have in their target regions (design, sections 6 and 7).

A copy has the image's own id, or one of those that forced copies of it can have.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from kingbird import exception
from kingbird.clients.glance import Images
from kingbird.sync import image as fields
from kingbird.sync import lookup
from kingbird.sync.image import Image
from kingbird.sync.lookup import Found, Submit
from kingbird.sync.retries import Retry
from kingbird.sync.source import Caller

#: Source images' ids, by target region.
Wanted = Mapping[str, set[str]]
Answers = dict[str, Found | exception.KingbirdError]

#: Looks up which ids are burnt in a region, with the reasons.
Burnt = Callable[[str, Collection[str]], Mapping[str, str]]

#: Ids tried for a forced copy before it is given up.
FORCED_TRIES = 20


class Copies:
    """Asks target regions.

    :param regions: the images of each region, as the job's user sees them.
    :param burnt: looks up which ids are known to be unusable.
    """

    def __init__(
        self,
        regions: Mapping[str, Images],
        caller: Caller,
        burnt: Burnt,
        submit: Submit,
        retry: Retry,
    ) -> None:
        self._regions = regions
        self._caller = caller
        self._burnt = burnt
        self._submit = submit
        self._retry = retry

    def _ask(self, ids: Mapping[str, Iterable[str]]) -> Answers:
        return lookup.lookup_regions(ids, self._regions, self._submit, self._retry)

    def first_look(self, wanted: Wanted) -> Answers:
        """Ask for images' own ids and for the first ones of forced copies."""
        return self._ask(
            {
                target: {name for one in ids for name in (one, fields.forced_id(one, target, 1))}
                for target, ids in wanted.items()
                if ids
            }
        )

    def look_on(
        self, wanted: Wanted, sources: Mapping[str, Image], answers: Answers
    ) -> dict[str, dict[str, str]]:
        """Ask for further ids of forced copies, where the one before is no use for one.

        :param sources: the source images by their ids.
        :param answers: those of :meth:`first_look`; what is found is added.
        :returns: the ids of forced copies that are burnt, with the reasons, by region.
        """
        burnt: dict[str, dict[str, str]] = {target: {} for target in wanted}
        left = {target: set(ids) for target, ids in wanted.items()}
        for n in range(1, FORCED_TRIES):
            ask: dict[str, list[str]] = {}
            for target, answer in answers.items():
                if isinstance(answer, exception.KingbirdError) or not left.get(target):
                    continue
                ids = {fields.forced_id(one, target, n): one for one in left[target]}
                burnt[target].update(self._burnt(target, ids.keys() - answer.keys()))
                left[target] = {
                    one
                    for image_id, one in ids.items()
                    if image_id in burnt[target]
                    or (
                        image_id in answer
                        and not self._may_be_copy(answer[image_id], sources[one])
                    )
                }
                ask[target] = [fields.forced_id(one, target, n + 1) for one in left[target]]
            ask = {target: names for target, names in ask.items() if names}
            if not ask:
                break
            merge(answers, self._ask(ask))
        return burnt

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
