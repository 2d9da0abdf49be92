"""The version's name, and schemas of version discovery in the form that keystoneauth reads."""

from kingbird.api.schemas.shapes import LINKS, array_of, closed_object, enum, output_string

#: The API's only version, as paths and responses name it.
VERSION = "v1.0"

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

#: The schema of the API's description.  The OpenAPI standard defines its form.
DESCRIPTION = {
    "title": "Description",
    "description": "An OpenAPI 3.1 document",
    "type": "object",
    "required": ["openapi", "info", "paths"],
}
