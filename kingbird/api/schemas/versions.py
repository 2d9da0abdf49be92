"""What version discovery answers, as keystoneauth reads it."""

from kingbird.api.schemas.shapes import LINKS, answered, entries, one_of, whole

_VERSION = whole(
    "Version",
    "A version of the API",
    {
        "id": answered("Its name"),
        "status": one_of(["CURRENT", "SUPPORTED", "DEPRECATED"]),
        "links": LINKS,
    },
)

LISTED = whole(
    "Versions", "The versions there are", {"versions": entries("The versions", _VERSION)}
)
SHOWN = whole("VersionDocument", "A version", {"version": _VERSION})

#: The one answer whose form is another standard's.
DESCRIPTION = {
    "title": "Description",
    "description": "An OpenAPI 3.1 document",
    "type": "object",
    "required": ["openapi", "info", "paths"],
}
