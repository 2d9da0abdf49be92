"""Make calls of Kingbird with the token of the user who looks at the page.

openstacksdk is not used: Horizon takes its errors for a session that has expired, so that a
refusal by Kingbird would log the user out.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from horizon import exceptions
from keystoneauth1 import adapter, session, token_endpoint
from keystoneauth1 import exceptions as keystone_exceptions

from kingbird_dashboard.api import catalog

#: Seconds within which Kingbird has to answer; ``KINGBIRD_TIMEOUT`` of Horizon's settings.
TIMEOUT = 10.0
AWAY = 503
NOT_MODIFIED = 304
_UNAUTHORIZED = 401


class ServiceError(Exception):
    """Kingbird refuses a call, or does not answer.

    :ivar code: the HTTP status; 503 if there is no answer.
    :ivar sentence: a sentence for the user.
    """

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Answer:
    """An answer of Kingbird.

    :ivar etag: its tag, or an empty text.
    """

    code: int
    body: Any
    etag: str = ""

    @property
    def is_unchanged(self) -> bool:
        return self.code == NOT_MODIFIED


def call(
    request: Any,
    method: str,
    path: str,
    *,
    body: Any = None,
    query: dict[str, Any] | None = None,
    etag: str = "",
    project: str = "",
) -> Answer:
    """Call Kingbird in the user's project.

    :param path: the path after the project, such as ``os-sync/detail``.
    :param project: the id of another project, which only an admin may name.
    :param query: values by name; lists are sent as repeated values, and ``None`` is left out.
    :param etag: the tag of an answer that the caller has.
    :raises ServiceError: the call is refused, or there is no answer.
    :raises horizon.exceptions.NotAuthenticated: the token is no longer valid.
    """
    url = catalog.service_url(request)
    if not url:
        raise ServiceError(AWAY, _("The catalog of this cloud has no image synchronization."))
    given = {name: value for name, value in (query or {}).items() if value not in (None, "", [])}
    try:
        response = _adapter(request, url).request(
            f"/{project or request.user.project_id}/{path}",
            method,
            json=body,
            params=given,
            headers={"If-None-Match": etag} if etag else {},
            raise_exc=False,
        )
    except keystone_exceptions.ClientException as error:
        raise ServiceError(
            AWAY, _("Kingbird does not answer. Please try again in a moment.")
        ) from error
    if response.status_code == _UNAUTHORIZED:
        raise exceptions.NotAuthenticated
    if response.status_code >= 400:
        raise ServiceError(response.status_code, _sentence(response))
    return Answer(response.status_code, _json(response), response.headers.get("ETag", ""))


def _adapter(request: Any, url: str) -> adapter.Adapter:
    verify = not getattr(settings, "OPENSTACK_SSL_NO_VERIFY", False)
    authority = getattr(settings, "OPENSTACK_SSL_CACERT", None)
    return adapter.Adapter(
        session.Session(
            auth=token_endpoint.Token(url, request.user.token.id),
            verify=(authority or True) if verify else False,
            timeout=getattr(settings, "KINGBIRD_TIMEOUT", TIMEOUT),
        ),
        endpoint_override=url,
        client_name="kingbird-dashboard",
        # A retry would make a page that is slow already slower.
        connect_retries=0,
        status_code_retries=0,
    )


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return {}


def _sentence(response: Any) -> str:
    body = _json(response)
    error = body.get("error") if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    if isinstance(message, str) and message:
        return message
    return _("Kingbird answered %(code)s.") % {"code": response.status_code}
