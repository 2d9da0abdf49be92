"""Jobs: what asks for them, what lists can be asked, what is answered."""

from kingbird.api.schemas.sync_jobs.bodies import create
from kingbird.api.schemas.sync_jobs.sets import ALL, SyncSet, sets_of

__all__ = ["ALL", "SyncSet", "create", "sets_of"]
