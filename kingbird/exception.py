"""What can go wrong, each with the HTTP answer that it becomes.

An exception knows its code and its sentence; the API renders it as
``{"error": {"code", "title", "message"}}`` without looking at its type.
"""

from http import HTTPStatus


class KingbirdError(Exception):
    """The base of all.

    :param message: a sentence for a person, free of tokens and passwords.
    :param retry_after: seconds after which trying again makes sense.
    """

    code = 500
    #: Whether a caller may read the message of an error that is the service's own.
    expose_message = False

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    @property
    def title(self) -> str:
        """The phrase that HTTP has for the code."""
        return HTTPStatus(self.code).phrase


class BadRequest(KingbirdError):
    """The request says something that can't be; the message names the field."""

    code = 400


class Unauthorized(KingbirdError):
    """There is no token, or a bad one."""

    code = 401


class Forbidden(KingbirdError):
    """A policy refuses, or the path names another project."""

    code = 403


class NotFound(KingbirdError):
    """No such job, or an image that the caller can't see in the source region."""

    code = 404


class NotAcceptable(KingbirdError):
    """A running job can't be deleted (the contract's code for that is 406)."""

    code = 406


class Conflict(KingbirdError):
    """The thing is in the wrong state for what is asked."""

    code = 409


class RequestTooLarge(KingbirdError):
    """The body is larger than ``[api] max_request_body_size``."""

    code = 413


class TooManyRequests(KingbirdError):
    """The project has as much under way as it may have."""

    code = 429


class Unavailable(KingbirdError):
    """Keystone, the database or another thing that the answer needs is away."""

    code = 503


class InvalidResponse(KingbirdError):
    """An answer of Kingbird's is not what its schema promises; names no values."""

    expose_message = True


class ConfigurationError(KingbirdError):
    """The configuration can't work; the message names the option."""


class SchemaError(KingbirdError):
    """The database can't be brought to the schema that was asked for."""


class LeaseLost(KingbirdError):
    """Another engine has taken the work over, or may have; write nothing more."""


class Cancelled(KingbirdError):
    """A user has cancelled the job; what is under way ends, the rest does not begin."""


class JobTooLarge(KingbirdError):
    """A job is more than is allowed; its reason is a word of ``kingbird.sync.outcome``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


# What the clients room raises.


class RegionUnavailable(Unavailable):
    """A region's Glance did not answer, or answered 429 or 5xx.

    :param code: the HTTP status, or ``None`` when there was no answer.
    :ivar region: which one it was; ``None`` where that is not known.
    """

    region: str | None = None

    def __init__(
        self, message: str, status: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message, retry_after)
        self.status = status


class ImageRequestRejected(KingbirdError):
    """Glance answered 4xx.

    :param status: the HTTP status.
    :param message: Glance's own sentence, without its HTML.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class KeystoneUnavailable(Unavailable):
    """Keystone did not answer, or answered 5xx."""


class TrustRefused(KingbirdError):
    """Keystone makes no trust from this token (design, section 9)."""

    code = 403


class CredentialsLost(KingbirdError):
    """What a job ran with is no more: trust deleted, user disabled, role taken."""

    code = 403
