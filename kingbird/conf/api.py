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
    cfg.IntOpt(
        "max_json_depth",
        default=16,
        min=8,
        help="Levels of lists and objects that a request's body can have; a valid one has "
        "seven at most.",
    ),
    cfg.IntOpt(
        "max_sets",
        default=100,
        min=1,
        help="Sets that a request can have; one with more is answered with 400.",
    ),
    cfg.IntOpt(
        "max_resources",
        default=10000,
        min=1,
        help="Images that a request can name, in all its sets together; one with more is "
        "answered with 400. Each hundred cost a call to the source region. It says nothing of "
        "requests for all images of a region.",
    ),
    cfg.IntOpt(
        "max_regions",
        default=100,
        min=1,
        help="Regions that a set can name as sources, and as targets; one with more is answered "
        "with 400.",
    ),
    cfg.IntOpt(
        "client_timeout",
        default=10,
        min=1,
        help="Seconds for which kingbird-api and kingbird-standalone wait for more of a request; "
        "then they close the connection. Under gunicorn or uwsgi the server's own settings "
        "count, and those of the proxy before it.",
    ),
    cfg.IntOpt(
        "arrival_timeout",
        default=60,
        min=1,
        help="Seconds within which kingbird-api and kingbird-standalone want to have the whole "
        "of a request, head and body; then they close the connection, however steadily "
        "something comes. Under gunicorn or uwsgi the proxy before it has to see to that.",
    ),
    cfg.StrOpt(
        "response_validation",
        default="warn",
        choices=[
            ("error", "an answer that breaks its schema becomes a 500; meant for tests"),
            ("warn", "the log tells which field of which answer breaks its schema"),
            ("ignore", "answers are not looked at"),
        ],
        help="What becomes of an answer that is not what the API's description promises. To look "
        "costs less than a millisecond for a page of a thousand entries.",
    ),
]
