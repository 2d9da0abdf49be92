"""The schemas of the state of images, and of namespaces of metadata definitions."""

from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME
from kingbird.api.schemas.shapes import (
    DIFFERENT_FIELDS,
    LINKS,
    STRING_OR_NULL,
    JSONSchema,
    closed_object,
    enum,
    output,
    output_count,
    output_datetime,
    output_enum,
    output_map,
    output_nullable_datetime,
    some,
    true_or_false,
)
from kingbird.db import api as db
from kingbird.states import CopyState, ResourceType

#: A copy that is in order, beside :class:`kingbird.states.CopyState`.
SAME = "same"
#: A region that could not be asked.
UNKNOWN = "unknown"
#: The maximum of regions, or of states, in a query.
MAX_VALUES = 100
#: A hundred years in seconds.
MAX_AGE = 100 * 366 * 86400
#: The states that figures count.
COUNTED = tuple(str(one) for one in CopyState)


def _text(meaning: str, description: str) -> JSONSchema:
    return {
        "meaning": meaning,
        "description": description,
        "type": "string",
        "format": formats.TEXT,
        "maxLength": MAX_NAME,
    }


#: The query of the list.
QUERY: dict[str, Any] = {
    "description": "a query",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "resource_type": {
            "type": "string",
            **enum(
                tuple(ResourceType),
                "The type of what is listed and counted; image is the default. Namespaces of "
                "metadata definitions (metadef) are for admins, whoever owns them.",
            ),
        },
        "region": some(
            "Only images that are not in order in this region, or in one of these.",
            "regions",
            {
                "type": "string",
                "description": "the name of a region",
                "format": formats.TEXT,
                "minLength": 1,
                "maxLength": MAX_NAME,
            },
            MAX_VALUES,
        ),
        "state": some(
            "Only images with this state, or one of these.",
            "states",
            {"type": "string", **enum(tuple(CopyState))},
            MAX_VALUES,
        ),
        "name": _text("Only images with this name.", "a name"),
        "owner": _text("Only images of this project.", "the id of a project"),
        "older_than": {
            "meaning": "Only images whose state has been the same for so many seconds.",
            "description": f"a whole number of seconds from 0 to {MAX_AGE}",
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_AGE,
        },
        "sort": {
            "type": "string",
            **enum(list(db.state_pages.SORT_KEYS), "Sort by age, oldest first, or by name."),
        },
        "limit": {
            "meaning": "The maximum of images in the page. [api] max_limit is the largest limit, "
            "and the default.",
            "description": "a whole number of at least 1",
            "type": "integer",
            "minimum": 1,
        },
        "marker": {
            "meaning": "The image before the page, by its id, or the namespace, by its name.",
            "description": "the id of the last image seen (a UUID), or a name",
            "type": "string",
            "format": formats.TEXT,
            "maxLength": MAX_NAME,
        },
        "all_projects": true_or_false("Images of every project, for admins."),
    },
}

_CELL: dict[str, JSONSchema] = {
    "reason": output("A stable word for the cause", STRING_OR_NULL),
    "message": output("A sentence for a person", STRING_OR_NULL),
    "fields": DIFFERENT_FIELDS,
    "since": output_nullable_datetime("The time since which the stored state is the same"),
    "job": output("The id of the job that found it last", STRING_OR_NULL, maxLength=36),
    "image_status": output("The copy's status; null if there is none", STRING_OR_NULL),
}

_FIGURES = closed_object(
    "RegionFigures",
    "The figures of a region",
    {
        "images": output(
            "The number of images that the last complete comparison compared; null if there was "
            "none",
            ["integer", "null"],
            minimum=0,
        ),
        "same": output("The number of them in order", ["integer", "null"], minimum=0),
        **{
            state: output_count(f"The number of images with the state {state}")
            for state in COUNTED
        },
        "mostly": output_enum(
            "The state of nearly all images of the region, of which images are counted and not "
            "listed",
            [*db.region_states.BULK, None],
        ),
        "oldest": output_nullable_datetime("The time since which the oldest state is the same"),
        "compared_at": output_nullable_datetime("The time of the last complete comparison"),
        "away_since": output_nullable_datetime(
            "The time since which comparisons can't read the region"
        ),
    },
)

_IMAGE: dict[str, JSONSchema] = {
    "id": output("The image's id, or the namespace's name", maxLength=MAX_NAME),
    "name": output("Its name"),
    "owner": output("Its project"),
    "source_region": output("The region that the copies are compared with"),
}

LISTED = closed_object(
    "State",
    "The figures of the regions, and a page of the images that are not in order",
    {
        "regions": output_map("By region", _FIGURES),
        "images": output(
            "The images",
            "array",
            items=closed_object(
                "ImageState",
                "An image, and the regions where it is not in order",
                {
                    "resource_type": output_enum("The type of the resource", ResourceType),
                    **_IMAGE,
                    "cells": output_map(
                        "By region",
                        closed_object(
                            "Cell",
                            "The image in a region",
                            {"state": enum(tuple(CopyState)), **_CELL},
                        ),
                    ),
                },
            ),
        ),
        "links": LINKS,
    },
)

SHOWN = closed_object(
    "LiveState",
    "An image as each region holds it now",
    {
        "image": closed_object(
            "LiveImage",
            "An image as each region holds it now",
            {
                **_IMAGE,
                "compared_at": output_datetime("The time of the comparison"),
                "cells": output_map(
                    "By region",
                    closed_object(
                        "LiveCell",
                        "The image in a region",
                        {
                            "state": enum((SAME, *COUNTED, UNKNOWN)),
                            **_CELL,
                            "id": output("The copy's id", STRING_OR_NULL),
                            "size": output("Its size in bytes", ["integer", "null"]),
                            "hash": enum((SAME, "differs", UNKNOWN)),
                            "provenance": {
                                "description": "The origin of a copy; null if it tells none",
                                "anyOf": [
                                    closed_object(
                                        "Provenance",
                                        "Where the copy says that it came from",
                                        {
                                            "source_region": output("The region", STRING_OR_NULL),
                                            "source_id": output("The image", STRING_OR_NULL),
                                            "source_hash": output(
                                                "The hash of its data", STRING_OR_NULL
                                            ),
                                        },
                                    ),
                                    {"type": "null"},
                                ],
                            },
                        },
                    ),
                ),
            },
        )
    },
)
