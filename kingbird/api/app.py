"""Build the WSGI application from its layers.

The layers, from the outermost one:

0. ``RequestMetrics``, if ``[metrics]`` is on, counts every response of every layer.
1. ``RequestId`` gives every response of every layer an ``X-Openstack-Request-Id``.
2. ``CORS``, if ``[cors]`` names an origin, answers a browser's ``OPTIONS``, which has no token,
   and lets the browser read error responses.
3. ``HTTPProxyToWSGI`` restores the caller's URL and address before anything reads them.
4. ``Health`` serves ``/healthcheck`` without a token.  It stands outside of ``ErrorMiddleware``
   because its 503 has another form, and it must answer when the layers below cannot.
5. ``ErrorMiddleware`` renders every error as the same JSON, including keystonemiddleware's 401 and
   Pecan's 404, so it encloses everything that can fail.
6. ``PathNormalizer`` normalizes the path before a layer decides by it.
7. ``TraceHeaderFilter`` and ``WsgiMiddleware``, if ``[profiler]`` is on, trace signed requests.
   The token is validated below them, so a trace contains that call and Keystone gets the headers.
   The filter drops headers for which osprofiler raises an error.
8. ``AuthPublicRoutes`` passes version discovery to Pecan, because the caller has no token yet.
9. ``Authentication``, which is keystonemiddleware, rejects a request without a valid token.
10. Pecan's hooks create the request context from keystonemiddleware's result.
"""

import logging
from typing import Any

import pecan
from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi
from osprofiler.web import WsgiMiddleware

from kingbird.api.controllers.root import ROUTES, RootController
from kingbird.api.controllers.v1 import root as v1
from kingbird.api.controllers.v1.actions import ActionsController
from kingbird.api.controllers.v1.engines import EnginesController
from kingbird.api.controllers.v1.sync_jobs import SyncJobsController
from kingbird.api.controllers.v1.sync_rules import SyncRulesController
from kingbird.api.controllers.v1.sync_state import SyncStateController
from kingbird.api.jobs import resolve
from kingbird.api.jobs.create import EngineRPC, JobCreator
from kingbird.api.jobs.retry import JobRetrier
from kingbird.api.middleware import Application, errors, health, paths, request_metrics
from kingbird.api.middleware.authentication import Authentication
from kingbird.api.middleware.trace_headers import TraceHeaderFilter
from kingbird.api.request import hooks
from kingbird.api.request.authorization import Authorizer
from kingbird.api.request.operation import RequestPipeline
from kingbird.api.rules.manage import RuleManager
from kingbird.api.state.live import LiveLookup
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.conf.keystone import GROUP
from kingbird.policies.enforcer import Enforcer
from kingbird.rpc import transport
from kingbird.rpc.client import EngineClient
from kingbird.tracing import spans

LOG = logging.getLogger(__name__)

SERVICE_TYPE = "synchronization"

#: Timeout of a call to Keystone in seconds, unless the middleware's options set one.  The API
#: reports an outage of Keystone within ten seconds.
KEYSTONE_SECONDS = 4

#: Timeout of a connection to the database in seconds.  A statement may take longer.
DATABASE_SECONDS = 4

#: Paths that need no token.
PUBLIC = ("/", f"/{v1.VERSION}", f"/{v1.VERSION}/{v1.DESCRIPTION}")


def _authentication(
    application: Application, conf: cfg.ConfigOpts, keystone: Keystone
) -> Application:
    return Authentication(
        application,
        {
            "oslo_config_config": conf,
            # If the decision were delayed, requests without a token would reach the controllers.
            "delay_auth_decision": False,
            # The middleware has no timeout by default.  It may make two calls for one request.
            "http_connect_timeout": conf[GROUP].http_connect_timeout or KEYSTONE_SECONDS,
            "include_service_catalog": True,
            # Without this URL the middleware asks Keystone for it before it answers a 401.
            "www_authenticate_uri": conf[GROUP].www_authenticate_uri or keystone.auth_url,
            # Access rules of application credentials name this service type.
            "service_type": conf[GROUP].service_type or SERVICE_TYPE,
        },
    )


def build(
    conf: cfg.ConfigOpts, *, keystone: Keystone, regions: ImageClientFactory, engines: EngineRPC
) -> Application:
    """Build the WSGI application.

    Nothing is connected to.  The database must be configured before the first request.

    :param keystone: creates trusts.
    :param regions: creates the clients of the regions' image services.
    :param engines: sends messages to the engines.
    """
    pipeline = RequestPipeline(conf, Authorizer(Enforcer(conf)))
    job_creator = JobCreator(conf, keystone=keystone, regions=regions, engines=engines)
    job_retrier = JobRetrier(conf, keystone=keystone, engines=engines)
    controllers = (
        v1.V1Controller(conf, pipeline, ROUTES),
        SyncJobsController(pipeline, job_creator),
        ActionsController(pipeline, job_retrier, job_creator, engines),
        SyncRulesController(conf, pipeline, RuleManager(conf, keystone=keystone, engines=engines)),
        SyncStateController(conf, pipeline, LiveLookup(conf, keystone=keystone, regions=regions)),
        EnginesController(conf, pipeline),
    )
    application: Any = pecan.Pecan(
        RootController(pipeline, controllers),
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
        # Without an origin the middleware still turns every answer to OPTIONS into a 200.
        application = cors.CORS(application, conf)
    application = errors.RequestId(application, conf)
    return request_metrics.RequestMetrics(application) if conf.metrics.listen else application


def create(conf: cfg.ConfigOpts) -> Application:
    """Create the WSGI application with the configured Keystone, regions and message bus.

    :param conf: a parsed configuration, see :func:`kingbird.conf.prepare_service`.
    :raises kingbird.exception.ConfigurationError: the configuration cannot work.
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
