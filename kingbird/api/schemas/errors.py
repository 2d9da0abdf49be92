"""What every error says."""

from http import HTTPStatus

from kingbird.api.schemas.shapes import closed_object, output_string

ERROR = closed_object(
    "Error",
    "What went wrong",
    {
        "error": closed_object(
            "ErrorDetails",
            "What went wrong",
            {
                "code": {
                    "description": "The HTTP status",
                    "type": "integer",
                    "minimum": 400,
                    "maximum": 599,
                },
                "title": output_string("HTTP's phrase for it"),
                "message": {
                    **output_string("A sentence for a person, which names the field at fault"),
                    "minLength": 1,
                },
            },
        )
    },
)

#: What each code means here, for the documentation.
MEANINGS = {
    HTTPStatus.BAD_REQUEST: "The request says something that can't be; the message names the "
    "field, what was found there and what is allowed.",
    HTTPStatus.UNAUTHORIZED: "There is no token, or one that Keystone does not accept.",
    HTTPStatus.FORBIDDEN: "The path names another project than the token's, or a policy refuses, "
    "or Glance does not let the caller list images.",
    HTTPStatus.NOT_FOUND: "There is no such job, or no such image that the caller sees in its "
    "source regions.",
    HTTPStatus.NOT_ACCEPTABLE: "The job is in progress and can't be deleted.",
    HTTPStatus.CONFLICT: "The job is in the wrong state for what is asked.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than [api] max_request_body_size.",
    HTTPStatus.TOO_MANY_REQUESTS: "The project has as many jobs in progress as it may have.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Keystone, the database or another service that the answer "
    "needs is away.",
}
