"""[api]: the listening address and the limits of the API."""

from oslo_config import cfg

from kingbird.conf.mutable import MutableIntOpt

GROUP = "api"

OPTS = [
    cfg.HostAddressOpt(
        "host",
        default="127.0.0.1",
        help="Address that kingbird-api and kingbird-standalone listen on. Under gunicorn or "
        "uwsgi the server's own setting applies.",
    ),
    cfg.PortOpt(
        "port",
        default=8118,
        help="Port that kingbird-api and kingbird-standalone listen on.",
    ),
    cfg.IntOpt(
        "threads",
        default=16,
        min=1,
        help="Number of requests that kingbird-api and kingbird-standalone answer at a time.",
    ),
    cfg.IntOpt(
        "max_request_body_size",
        default=1048576,
        min=1024,
        help="Largest request body in bytes; a larger one is answered with 413. A request "
        "takes about 40 bytes for each image that it names.",
    ),
    MutableIntOpt(
        "max_limit",
        default=1000,
        min=1,
        help="Largest page of a list of jobs or items. The response has a link to the next page. "
        "If the request sets no limit, the response is the whole list, which is read and sent in "
        "parts of this size.",
    ),
    cfg.IntOpt(
        "max_json_depth",
        default=16,
        min=8,
        help="Maximum of nested lists and objects in a request's body. A valid body has at "
        "most seven levels.",
    ),
    cfg.IntOpt(
        "max_sets",
        default=100,
        min=1,
        help="Maximum of sets in a request. A request with more is answered with 400.",
    ),
    cfg.IntOpt(
        "max_resources",
        default=10000,
        min=1,
        help="Maximum of image ids in all sets of a request. A request with more is answered "
        "with 400. Each hundred ids cost a call to the source region. Requests for all images of "
        "a region have no such limit.",
    ),
    cfg.IntOpt(
        "max_regions",
        default=100,
        min=1,
        help="Maximum of source regions, and of target regions, in a set. A request with more is "
        "answered with 400.",
    ),
    cfg.IntOpt(
        "client_timeout",
        default=10,
        min=1,
        help="Seconds for which kingbird-api and kingbird-standalone wait for more data of a "
        "request before they close the connection. Under gunicorn or uwsgi the settings of the "
        "server and of the proxy in front of it apply.",
    ),
    cfg.IntOpt(
        "arrival_timeout",
        default=60,
        min=1,
        help="Seconds within which a whole request, head and body, must arrive. Then "
        "kingbird-api and kingbird-standalone close the connection, even if data still arrive. "
        "Under gunicorn or uwsgi the proxy in front of it has to limit the time.",
    ),
    cfg.StrOpt(
        "response_validation",
        default="warn",
        choices=[
            ("error", "answer 500 instead; meant for tests"),
            ("warn", "log the invalid field and send the response"),
            ("ignore", "do not validate responses"),
        ],
        help="Action for a response that does not match the API's description. Validation takes "
        "less than a millisecond for a page of a thousand entries.",
    ),
]
