"""The version's name, and schemas of version discovery in the form that keystoneauth reads."""

from kingbird.api.schemas.shapes import LINKS, closed_object, enum, output

#: The API's only version, as paths and responses name it.
VERSION = "v1.0"

_VERSION = closed_object(
    "Version",
    "A version of the API",
    {
        "id": output("Its name"),
        "status": enum(["CURRENT", "SUPPORTED", "DEPRECATED"]),
        "links": LINKS,
    },
)

LISTED = closed_object(
    "Versions",
    "The versions there are",
    {"versions": output("The versions", "array", items=_VERSION)},
)
SHOWN = closed_object("VersionDocument", "A version", {"version": _VERSION})

#: The schema of the API's description.  The OpenAPI standard defines its form.
DESCRIPTION = {
    "title": "Description",
    "description": "An OpenAPI 3.1 document",
    "type": "object",
    "required": ["openapi", "info", "paths"],
}
