"""Builds the WSGI application; the one place that knows the order of its layers.

From the outside in:

0. ``Metering``, if ``[metrics]`` is on: it tells of every answer, whichever layer it is from.
1. ``RequestId``: every answer, whichever layer it is from, has ``X-Openstack-Request-Id``.
2. ``CORS``, if ``[cors]`` names an origin: a browser asks with ``OPTIONS``, without a token, and
   has to be allowed to read errors too.
3. ``HTTPProxyToWSGI``: links show the URL that the caller used, and the caller's address is the
   real one, before anything reads them.
4. ``Health``: ``/healthcheck`` needs no token, has a form of its own when it says 503, and is to
   answer when what is below can't.
5. ``Errors``: whatever comes out of the layers below, keystonemiddleware's 401 and Pecan's
   404 included, leaves as the same JSON; so it stands around all that can fail.
6. ``Paths``: one spelling of a path, before anybody decides by it.
7. ``WsgiMiddleware``, if ``[profiler]`` is on: a request that is signed is traced.  What asks
   Keystone about the token stands below, so that its time shows and Keystone gets the headers.
   ``TraceHeaderFilter`` before it drops headers that it would fail at.
8. ``PublicPaths``: version discovery goes straight to Pecan, as a caller has no token yet.
9. ``Authentication``, which is keystonemiddleware: no token or a bad one ends here, so nothing
   below sees such a request.
10. Pecan, whose hooks make the context out of what keystonemiddleware found.
"""

import logging
from typing import Any

import pecan
from keystonemiddleware import opts as auth_token_opts
from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi
from osprofiler.web import WsgiMiddleware

from kingbird.api.controllers import v1
from kingbird.api.controllers.root import ROUTES, RootController
from kingbird.api.controllers.v1.actions import ActionsController
from kingbird.api.controllers.v1.engines import EnginesController
from kingbird.api.controllers.v1.sync_jobs import SyncJobsController
from kingbird.api.jobs import resolve
from kingbird.api.jobs.create import EngineRPC, JobCreator
from kingbird.api.jobs.retry import JobRetrier
from kingbird.api.middleware import Application, errors, health, paths, request_metrics
from kingbird.api.middleware.authentication import Authentication
from kingbird.api.middleware.trace_headers import TraceHeaderFilter
from kingbird.api.request import hooks
from kingbird.api.request.authorization import Authorizer
from kingbird.api.request.operation import RequestPipeline
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.conf.keystone import GROUP
from kingbird.policies.enforcer import Enforcer
from kingbird.rpc import transport
from kingbird.rpc.client import EngineClient
from kingbird.tracing import spans

LOG = logging.getLogger(__name__)

SERVICE_TYPE = "synchronization"

#: Seconds that Keystone has for an answer, unless the configuration says otherwise for the
#: middleware: a caller is to hear within ten seconds that it is away.
KEYSTONE_SECONDS = 4

#: The same of the database, for a connection that is made or taken up again; a statement may
#: take longer.
DATABASE_SECONDS = 4

#: What is answered without a token.
PUBLIC = ("/", f"/{v1.VERSION}", f"/{v1.VERSION}/{v1.DESCRIPTION}")


def _authentication(
    application: Application, conf: cfg.ConfigOpts, keystone: Keystone
) -> Application:
    for group, opts in auth_token_opts.list_auth_token_opts():
        conf.register_opts(opts, group=group)
    authenticated: Application = Authentication(
        application,
        {
            "oslo_config_config": conf,
            # Both would open a door, or shut one, behind the back of what stands below.
            "delay_auth_decision": False,
            # Without one it waits for ever.  It may wait for two answers, one after the other.
            "http_connect_timeout": conf[GROUP].http_connect_timeout or KEYSTONE_SECONDS,
            "include_service_catalog": True,
            # Without one, a 401 asks Keystone for it, and fails with it.
            "www_authenticate_uri": conf[GROUP].www_authenticate_uri or keystone.auth_url,
            # What access rules of application credentials call this service.
            "service_type": conf[GROUP].service_type or SERVICE_TYPE,
        },
    )
    return authenticated


def build(
    conf: cfg.ConfigOpts, *, keystone: Keystone, regions: ImageClientFactory, engines: EngineRPC
) -> Application:
    """Make the WSGI application of what it works with.

    Nothing is connected to; the database is to be configured before the first request.

    :param keystone: makes trusts.
    :param regions: opens the regions' image services for the caller.
    :param engines: wakes the engines.
    """
    projects = Authorizer(Enforcer(conf))
    gate = RequestPipeline(conf, projects)
    acceptance = JobCreator(conf, keystone=keystone, regions=regions, engines=engines)
    retrial = JobRetrier(conf, keystone=keystone, engines=engines)
    controller = v1.V1Controller(
        conf,
        gate,
        ROUTES,
        SyncJobsController(conf, gate, projects, acceptance),
        ActionsController(gate, projects, retrial, engines),
        EnginesController(conf, gate),
    )
    application: Any = pecan.Pecan(
        RootController(controller),
        hooks=[hooks.JSONHook(), hooks.ContextHook()],
        request_cls=hooks.Request,
        use_context_locals=False,
        guess_content_type_from_ext=False,
    )
    application = paths.AuthPublicRoutes(
        PUBLIC, application, _authentication(application, conf, keystone)
    )
    if spans.is_enabled():
        application = WsgiMiddleware(application, conf.profiler.hmac_keys, enabled=True)
        application = TraceHeaderFilter(application)
    application = paths.PathNormalizer(application)
    application = errors.ErrorMiddleware(application)
    application = health.Health(application, conf)
    application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)
    conf.register_opts(cors.OPTS, group="cors")
    if conf.cors.allowed_origin:
        # Without an origin it would still make a 200 of whatever OPTIONS is answered.
        application = cors.CORS(application, conf)
    application = errors.RequestId(application, conf)
    return request_metrics.RequestMetrics(application) if conf.metrics.listen else application


def create(conf: cfg.ConfigOpts) -> Application:
    """Make the WSGI application of the real Keystone, regions and message bus.

    :param conf: configuration that has been read, as ``kingbird.conf.prepare_service`` does.
    :raises kingbird.exception.ConfigurationError: it can't work.
    """
    keystone = Keystone(conf, timeout=KEYSTONE_SECONDS)
    keystone.validate_config()
    transport.check(conf)
    return build(
        conf,
        keystone=keystone,
        regions=ImageClientFactory(conf, timeout=resolve.UNRESPONSIVE_TIMEOUT),
        engines=EngineClient(conf),
    )
