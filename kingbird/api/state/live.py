"""Look at one image in all regions now, with the caller's rights."""

import time
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass
from typing import Any, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.clients import catalog as service_catalog
from kingbird.clients.glance import ImageClient
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.conf import sync as sync_options
from kingbird.context import RequestContext
from kingbird.states import CopyState
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.finding import Finding, finding_of
from kingbird.sync.image import MAX_FORCED_IDS, Image, Rules, forced_id
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.request import Requester, SyncOptions
from kingbird.sync.source_order import SourceOrder

#: Seconds after which a region that has not answered is away.
TIMEOUT = 4.0
#: The ``Retry-After`` of a request that no region with the image answered, in seconds.
RETRY_AFTER = 30


@dataclass(frozen=True)
class LiveCopy:
    """An image as a region holds it.

    :ivar image: the copy, or ``None`` if there is none.
    :ivar finding: what the comparison with the source finds; ``None`` if it can't be compared.
    :ivar hash: whether the data are ``same``, ``different`` or ``unknown``.
    :ivar problem: the sentence of a region that could not be asked.
    """

    image: Image | None = None
    finding: Finding | None = None
    hash: str = compare.UNKNOWN
    problem: str | None = None


@dataclass(frozen=True)
class LiveImage:
    """One image in all regions.

    :ivar source: the image as its source region shows it.
    """

    source_region: str
    source: Image
    copies: Mapping[str, LiveCopy]


class LiveLookup:
    """Looks images up in all regions at the same time.  Safe for threads."""

    def __init__(
        self, conf: cfg.ConfigOpts, *, keystone: Keystone, regions: ImageClientFactory
    ) -> None:
        self._conf = conf
        self._keystone = keystone
        self._regions = regions

    def find(self, context: RequestContext, image_id: str, *, is_admin: bool) -> LiveImage:
        """Return an image as all regions hold it.

        The comparison is that of a job that names the image.

        :param image_id: a UUID in lower case.
        :param is_admin: whether Glance accepts the caller as an admin.
        :raises kingbird.exception.NotFound: no region has such an image of the caller's project,
            or for an admin of any.
        :raises kingbird.exception.Unavailable: only regions that do not answer may have it.
        """
        endpoints = service_catalog.read(context.service_catalog, self._conf.glance.interface)
        clients = self._regions.clients_for(
            endpoints.urls,
            self._keystone.token_auth(context.auth_token),
            global_request_id=context.global_id,
        )
        answers = _ask(clients, image_id)
        caller = Requester(cast(str, context.project_id), is_admin)
        own = {
            region: images[image_id]
            for region, images in answers.items()
            if not isinstance(images, exception.KingbirdError)
            and image_id in images
            and caller.owns(images[image_id])
        }
        order = SourceOrder((), None if is_admin else caller.project_id)
        chosen = order.choose(order.rightful(own))
        if chosen is None:
            away = [one for one in answers.values() if isinstance(one, exception.KingbirdError)]
            if away:
                raise exception.Unavailable(
                    f"The image may be in a region that can't be asked: {away[0].message}",
                    retry_after=RETRY_AFTER,
                )
            raise exception.NotFound(f"There is no image {image_id} of the project in any region")
        region, source = chosen
        return LiveImage(
            region,
            source,
            {
                name: self._copy(source, region, name, images, caller)
                for name, images in sorted(answers.items())
            },
        )

    def _copy(
        self,
        source: Image,
        source_region: str,
        region: str,
        answer: "_Answer",
        caller: Requester,
    ) -> LiveCopy:
        if isinstance(answer, exception.KingbirdError):
            return LiveCopy(problem=answer.message)
        if region == source_region:
            return LiveCopy(
                source, hash=compare.SAME if fields.has_data(source) else compare.UNKNOWN
            )
        rules = Rules(
            dropped=sync_options.dropped_properties(self._conf),
            property_quota=self._conf.sync.property_quota,
        )
        item = decide(
            source, source_region, TargetState(region, answer), caller, rules, SyncOptions()
        )
        finding = finding_of(item)
        copy = answer.get(item.target_resource or "") or answer.get(source["id"])
        if copy is None:
            return LiveCopy(finding=finding)
        if finding is not None and finding.state is CopyState.CONFLICT and not caller.owns(copy):
            # Whose image has the id, and what it is, is not told.
            return LiveCopy(finding=finding)
        return LiveCopy(copy, finding, compare.compare_data(source, copy))


_Answer = dict[str, Image] | exception.KingbirdError


def _ask(clients: Mapping[str, ImageClient], image_id: str) -> dict[str, _Answer]:
    """Return each region's images under an image's own id and those of its forced copies.

    :returns: by region and id; an error for a region that can't be asked, or does not answer in
        time.
    """
    end = time.monotonic() + TIMEOUT
    answers: dict[str, _Answer] = {}
    pool = futures.ThreadPoolExecutor(max_workers=max(1, len(clients)))
    try:
        calls = {
            pool.submit(_find_copies, one, image_id, end): one.region for one in clients.values()
        }
        for call in futures.wait(calls, TIMEOUT).done:
            answers[calls[call]] = call.result()
    finally:
        # The calls that are left end by themselves: each has its own bound.
        pool.shutdown(wait=False, cancel_futures=True)
    for region in clients.keys() - answers.keys():
        answers[region] = exception.RegionUnavailable(
            f"The image service of region {region} does not answer within {TIMEOUT:g} seconds"
        )
    return answers


def _find_copies(images: ImageClient, image_id: str, end: float) -> _Answer:
    ids = [image_id, *(forced_id(image_id, images.region, n) for n in _FORCED)]
    found: dict[str, Image] = {}
    try:
        for hidden in (False, True):
            left = end - time.monotonic()
            if left <= 0:
                raise exception.RegionUnavailable(
                    f"The image service of region {images.region} answers too slowly"
                )
            some = images.list_by_ids(ids, hidden=hidden, timeout=left)
            found.update((str(one["id"]).lower(), one) for one in some)
    except exception.KingbirdError as error:
        return error
    except Exception as error:
        return exception.RegionUnavailable(
            f"The image service of region {images.region} can't be used: {type(error).__name__}"
        )
    return found


_FORCED = range(1, MAX_FORCED_IDS + 1)


def provenance_of(image: Image) -> dict[str, Any] | None:
    """Return where a copy says that it came from, or ``None`` if it does not."""
    if fields.SOURCE_ID not in image:
        return None
    return {
        "source_region": image.get(fields.SOURCE_REGION),
        "source_id": image.get(fields.SOURCE_ID),
        "source_hash": image.get(fields.SOURCE_HASH),
    }
