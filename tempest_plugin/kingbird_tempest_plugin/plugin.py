"""The plugin that Tempest loads by the entry point ``tempest.test_plugins``."""

import os
from typing import Any

from oslo_config import cfg
from tempest import config
from tempest.test_discover import plugins

from kingbird_tempest_plugin import config as kingbird_config


class KingbirdTempestPlugin(plugins.TempestPlugin):
    """The plugin's tests, options and service clients."""

    def load_tests(self) -> tuple[str, str]:
        """Return the folders of the tests and of the package."""
        package = os.path.dirname(os.path.abspath(__file__))
        return os.path.join(package, "tests"), os.path.dirname(package)

    def register_opts(self, conf: cfg.ConfigOpts) -> None:
        """Register the plugin's options on Tempest's configuration."""
        conf.register_opt(kingbird_config.service_option, group="service_available")
        conf.register_group(kingbird_config.kingbird_group)
        conf.register_opts(kingbird_config.KingbirdGroup, kingbird_config.kingbird_group)

    def get_opt_lists(self) -> list[tuple[str, list[cfg.Opt]]]:
        """Return the options for Tempest's sample."""
        return [
            ("service_available", [kingbird_config.service_option]),
            (kingbird_config.kingbird_group.name, kingbird_config.KingbirdGroup),
        ]

    def get_service_clients(self) -> list[dict[str, Any]]:
        """Return the parameters of the service clients, ``kingbird_v1``."""
        params = config.service_client_config("kingbird")
        params.update(
            name="kingbird_v1",
            service_version="kingbird.v1",
            module_path="kingbird_tempest_plugin.services.v1",
            client_names=[
                "EnginesClient",
                "SyncJobsClient",
                "SyncRulesClient",
                "SyncStateClient",
                "VersionsClient",
            ],
        )
        return [params]
