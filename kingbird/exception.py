"""Kingbird's exceptions, each with an HTTP status.

The API renders an exception as ``{"error": {"code", "title", "message"}}`` without looking at its
type.
"""

from http import HTTPStatus


class KingbirdError(Exception):
    """The base of all exceptions.

    :cvar code: the HTTP status, which a subclass names where it is declared.
    :param message: a sentence for a person, without tokens and passwords.
    :param retry_after: seconds after which a retry may succeed.
    """

    code = 500
    #: True if callers may read the message of an internal error.
    expose_message = False

    def __init_subclass__(cls, code: int | None = None) -> None:
        cls.code = code or cls.code

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after

    @property
    def title(self) -> str:
        """Return the phrase of the HTTP status."""
        return HTTPStatus(self.code).phrase


class BadRequest(KingbirdError, code=400):
    """The request is invalid; the message names the field."""


class Unauthorized(KingbirdError, code=401):
    """The request has no valid token, or its token ended meanwhile."""


class Forbidden(KingbirdError, code=403):
    """A policy does not allow the request, or the path names another project."""


class NotFound(KingbirdError, code=404):
    """The job does not exist, or the caller cannot see an image in its source regions."""


class NotAcceptable(KingbirdError, code=406):
    """A job in progress cannot be deleted; the published API answers 406."""


class Conflict(KingbirdError, code=409):
    """The state of the job does not allow the action."""


class RequestTooLarge(KingbirdError, code=413):
    """The body is larger than ``[api] max_request_body_size``."""


class TooManyRequests(KingbirdError, code=429):
    """The project has reached its quota of jobs."""


class Unavailable(KingbirdError, code=503):
    """Keystone, the database or another service is unavailable."""


class InvalidResponse(KingbirdError):
    """A response of Kingbird does not match its schema; the message has no values."""

    expose_message = True


class ConfigurationError(KingbirdError):
    """The configuration cannot work; the message names the option."""


class SchemaError(KingbirdError):
    """The database cannot be migrated to a revision."""


class LeaseLost(KingbirdError):
    """Another engine may have taken the work over; nothing more may be written."""


class Cancelled(KingbirdError):
    """A user has cancelled the job; calls in progress end, others do not begin."""


class JobImpossible(KingbirdError):
    """A job cannot be planned as it has more items than allowed, or no region to sync to.

    :param reason: a word of :class:`kingbird.states.Reason`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


# Exceptions of the clients.


class RegionUnavailable(Unavailable):
    """A region's Glance did not answer, or answered 408, 429 or 5xx.

    :param status: the HTTP status, or ``None`` if there was no response.
    :ivar region: the region, or ``None`` if it is not known.
    """

    region: str | None = None

    def __init__(
        self, message: str, status: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message, retry_after)
        self.status = status


class ImageRequestRejected(KingbirdError):
    """Glance answered 3xx or 4xx.

    :param message: Glance's own message without HTML.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AnswerTooLarge(ImageRequestRejected):
    """An answer of Glance is larger than ``[glance] max_response_size``."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 502)


class KeystoneUnavailable(Unavailable):
    """Keystone did not answer, or answered 5xx."""


class TrustRefused(KingbirdError, code=403):
    """Keystone refuses to create a trust with this token, or to delete a trust."""


class CredentialsLost(KingbirdError, code=403):
    """The credentials of a job are invalid: trust deleted, user disabled or role removed."""


def explain(error: Exception) -> str:
    """Return what a log may tell of an error: of another one than Kingbird's only its type.

    The texts of databases and of other services have rows, addresses and ids of trusts.
    """
    return error.message if isinstance(error, KingbirdError) else type(error).__name__
