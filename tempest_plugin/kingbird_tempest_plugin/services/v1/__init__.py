"""Clients of version 1 of Kingbird's API."""

from kingbird_tempest_plugin.services.v1.engines_client import EnginesClient
from kingbird_tempest_plugin.services.v1.sync_jobs_client import SyncJobsClient
from kingbird_tempest_plugin.services.v1.sync_rules_client import SyncRulesClient
from kingbird_tempest_plugin.services.v1.sync_state_client import SyncStateClient
from kingbird_tempest_plugin.services.v1.versions_client import VersionsClient

__all__ = [
    "EnginesClient",
    "SyncJobsClient",
    "SyncRulesClient",
    "SyncStateClient",
    "VersionsClient",
]
