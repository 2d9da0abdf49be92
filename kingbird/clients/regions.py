"""Create image clients of regions with a user's credentials."""

from collections.abc import Mapping

from keystoneauth1.plugin import BaseAuthPlugin
from oslo_config import cfg

from kingbird.clients.glance import ImageClient
from kingbird.clients.session import RegionSessions


class ImageClientFactory:
    """A factory of :class:`kingbird.clients.glance.ImageClient`, with one session a region.

    :param timeout: seconds that a call may take, unless the configured time is shorter.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, timeout: float | None = None) -> None:
        self._sessions = RegionSessions(conf, timeout=timeout)

    def clients_for(
        self,
        endpoints: Mapping[str, str],
        auth: BaseAuthPlugin,
        *,
        global_request_id: str | None = None,
    ) -> dict[str, ImageClient]:
        """Return a client for each region.  Makes no call.

        :param endpoints: URLs by region.
        """
        return {
            region: ImageClient(
                region,
                url,
                self._sessions.get(region),
                auth,
                global_request_id=global_request_id,
            )
            for region, url in endpoints.items()
        }
