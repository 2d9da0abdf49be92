"""The version's name, and schemas of version discovery in the form that keystoneauth reads."""

from kingbird.api.schemas import output
from kingbird.api.schemas.shapes import enum

#: The API's only version, as paths and responses name it.
VERSION = "v1.0"

_VERSION = output.closed(
    "Version",
    "A version of the API",
    {
        "id": output.text("Its name"),
        "status": enum(["CURRENT", "SUPPORTED", "DEPRECATED"]),
        "links": output.LINKS,
    },
)

LISTED = output.closed(
    "Versions",
    "The versions there are",
    {"versions": output.array("The versions", _VERSION)},
)
SHOWN = output.closed("VersionDocument", "A version", {"version": _VERSION})

#: The schema of the API's description.  The OpenAPI standard defines its form.
DESCRIPTION = {
    "title": "Description",
    "description": "An OpenAPI 3.1 document",
    "type": "object",
    "required": ["openapi", "info", "paths"],
}
