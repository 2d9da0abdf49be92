"""The schema of errors."""

from http import HTTPStatus

from kingbird.api.schemas import output

ERROR = output.closed(
    "Error",
    "An error",
    {
        "error": output.closed(
            "ErrorDetails",
            "The error's details",
            {
                "code": output.value("The HTTP status", "integer", minimum=400, maximum=599),
                "title": output.text("The phrase of the HTTP status"),
                "message": output.text(
                    "A sentence for a person, which names the invalid field", minLength=1
                ),
            },
        )
    },
)

#: The meaning of each code, for the documentation.
MEANINGS = {
    HTTPStatus.BAD_REQUEST: "The request is invalid. The message names the field, its value and "
    "the allowed values.",
    HTTPStatus.UNAUTHORIZED: "There is no token, or one that Keystone does not accept.",
    HTTPStatus.FORBIDDEN: "The path names another project than the token's, or a policy refuses, "
    "or Glance does not let the caller list images.",
    HTTPStatus.NOT_FOUND: "The job does not exist, or the caller can't see an image in its "
    "source regions.",
    HTTPStatus.NOT_ACCEPTABLE: "The job is in progress and can't be deleted.",
    HTTPStatus.CONFLICT: "The state of the job does not allow the action.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than [api] max_request_body_size.",
    HTTPStatus.TOO_MANY_REQUESTS: "The project has as many jobs in progress as it may have.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Keystone, the database or another service that the request "
    "needs is unavailable.",
}
