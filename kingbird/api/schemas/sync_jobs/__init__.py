"""Jobs: what asks for them, what lists can be asked, what is answered."""

from kingbird.api.schemas.sync_jobs.bodies import create
from kingbird.api.schemas.sync_jobs.sets import StoredSyncSet, normalize_sets

__all__ = ["StoredSyncSet", "create", "normalize_sets"]
