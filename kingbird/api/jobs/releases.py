"""Keep work from engines of earlier releases that would take it for something else."""

from collections.abc import Mapping

from oslo_config import cfg
from oslo_utils import versionutils

from kingbird import exception
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.db import api as db
from kingbird.states import ResourceType

#: The RPC version since which engines look at the type of a set.
KNOWS_TYPES = "1.2"
#: The ``Retry-After`` while an engine of an earlier release is alive, in seconds.
RETRY_AFTER = 60


def check_types(conf: cfg.ConfigOpts, sets: Mapping[str, StoredSyncSet]) -> None:
    """Check that every engine that is alive knows the resource types of some sets.

    An engine of an earlier release would take any set for one of images.

    :raises kingbird.exception.Unavailable: one does not.
    """
    if all(each["resource_type"] == ResourceType.IMAGE for each in sets.values()):
        return
    known = versionutils.convert_version_to_tuple(KNOWS_TYPES)
    versions = db.engines.rpc_versions(db.engines.heartbeat_timeout(conf))
    if any(versionutils.convert_version_to_tuple(one) < known for one in versions):
        raise exception.Unavailable(
            "An engine of an earlier release is alive, which knows images only; metadata "
            "definitions can be synced once every engine is upgraded",
            retry_after=RETRY_AFTER,
        )
