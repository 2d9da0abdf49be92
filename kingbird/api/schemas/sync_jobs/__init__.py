"""The schemas of jobs: request bodies, queries and responses."""

from kingbird.api.schemas.sync_jobs.bodies import create
from kingbird.api.schemas.sync_jobs.sets import StoredSyncSet, normalize_sets

__all__ = ["StoredSyncSet", "create", "normalize_sets"]
