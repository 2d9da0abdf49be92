"""[api]: where the API listens and what it accepts."""

from oslo_config import cfg

GROUP = "api"

OPTS = [
    cfg.HostAddressOpt(
        "host",
        default="127.0.0.1",
        help="Address that kingbird-api and kingbird-standalone listen on. Under gunicorn or "
        "uwsgi the server's own setting counts.",
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
        help="Requests that kingbird-api and kingbird-standalone answer at a time.",
    ),
    cfg.IntOpt(
        "max_request_body_size",
        default=1048576,
        min=1024,
        help="Largest request body in bytes; a larger one is answered with 413. A request "
        "takes about 40 bytes for each image that it names.",
    ),
    cfg.IntOpt(
        "max_limit",
        default=1000,
        min=1,
        mutable=True,
        help="Largest page of a list of jobs or items, and what a request gets that sets no "
        "limit. A link in the answer leads to the next page.",
    ),
]
