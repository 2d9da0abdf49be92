"""What version discovery answers, as keystoneauth reads it."""

from kingbird.api.schemas.shapes import LINKS, array_of, closed_object, enum, output_string

_VERSION = closed_object(
    "Version",
    "A version of the API",
    {
        "id": output_string("Its name"),
        "status": enum(["CURRENT", "SUPPORTED", "DEPRECATED"]),
        "links": LINKS,
    },
)

LISTED = closed_object(
    "Versions", "The versions there are", {"versions": array_of("The versions", _VERSION)}
)
SHOWN = closed_object("VersionDocument", "A version", {"version": _VERSION})

#: The one answer whose form is another standard's.
DESCRIPTION = {
    "title": "Description",
    "description": "An OpenAPI 3.1 document",
    "type": "object",
    "required": ["openapi", "info", "paths"],
}
