"""The context of a request: its user, project and token."""

from typing import Any

from oslo_context import context


class RequestContext(context.RequestContext):
    """oslo.context's request context with the token's details."""

    def __init__(
        self,
        *,
        token_info: dict[str, Any] | None = None,
        service_catalog: list[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Create a context from keystonemiddleware's result.

        :param token_info: Keystone's answer to the token's validation.
        :param service_catalog: the token's catalog in Keystone's v3 form.
        """
        super().__init__(**kwargs)
        self.token_info = token_info or {}
        self.service_catalog = service_catalog or []

    @property
    def token_roles(self) -> list[dict[str, str]]:
        """Return the token's roles, each with ``id`` and ``name``."""
        return list(self.token_info.get("token", {}).get("roles", []))

    @property
    def token_methods(self) -> list[str]:
        """Return the authentication methods of the token, such as ``password``."""
        return list(self.token_info.get("token", {}).get("methods", []))

    @property
    def token_trust_id(self) -> str | None:
        """Return the id of the trust that the token comes from, or ``None``."""
        trust = self.token_info.get("token", {}).get("OS-TRUST:trust") or {}
        return trust.get("id")

    @classmethod
    def from_environ(cls, environ: dict[str, Any], **kwargs: Any) -> "RequestContext":
        """Create a context from a WSGI environment that keystonemiddleware has filled."""
        info = environ.get("keystone.token_info") or {}
        kwargs.setdefault("token_info", info)
        kwargs.setdefault("service_catalog", info.get("token", {}).get("catalog"))
        return super().from_environ(environ, **kwargs)
