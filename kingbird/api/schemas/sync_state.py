"""The schemas of the state of images, and of namespaces of metadata definitions."""

from typing import Any

from kingbird.api.schemas import formats, output
from kingbird.api.schemas.limits import MAX_NAME
from kingbird.api.schemas.shapes import JSONSchema, enum, some, true_or_false
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
    "reason": output.nullable_text("A stable word for the cause"),
    "message": output.nullable_text("A sentence for a person"),
    "fields": output.DIFFERENT_FIELDS,
    "since": output.nullable_datetime("The time since which the stored state is the same"),
    "job": output.nullable_text("The id of the job that found it last", maxLength=36),
    "image_status": output.nullable_text("The copy's status; null if there is none"),
}

_FIGURES = output.closed(
    "RegionFigures",
    "The figures of a region",
    {
        "images": output.value(
            "The number of images that the last complete comparison compared; null if there was "
            "none",
            ["integer", "null"],
            minimum=0,
        ),
        "same": output.value("The number of them in order", ["integer", "null"], minimum=0),
        **{
            state: output.count(f"The number of images with the state {state}")
            for state in COUNTED
        },
        "mostly": output.enum(
            "The state of nearly all images of the region, of which images are counted and not "
            "listed",
            [*db.region_states.BULK, None],
        ),
        "oldest": output.nullable_datetime("The time since which the oldest state is the same"),
        "compared_at": output.nullable_datetime("The time of the last complete comparison"),
        "away_since": output.nullable_datetime(
            "The time since which comparisons can't read the region"
        ),
    },
)

_IMAGE: dict[str, JSONSchema] = {
    "id": output.text("The image's id, or the namespace's name", maxLength=MAX_NAME),
    "name": output.text("Its name"),
    "owner": output.text("Its project"),
    "source_region": output.text("The region that the copies are compared with"),
}

LISTED = output.closed(
    "State",
    "The figures of the regions, and a page of the images that are not in order",
    {
        "regions": output.by_name("By region", _FIGURES),
        "images": output.array(
            "The images",
            output.closed(
                "ImageState",
                "An image, and the regions where it is not in order",
                {
                    "resource_type": output.enum("The type of the resource", ResourceType),
                    **_IMAGE,
                    "cells": output.by_name(
                        "By region",
                        output.closed(
                            "Cell",
                            "The image in a region",
                            {"state": enum(tuple(CopyState)), **_CELL},
                        ),
                    ),
                },
            ),
        ),
        "links": output.LINKS,
    },
)

SHOWN = output.closed(
    "LiveState",
    "An image as each region holds it now",
    {
        "image": output.closed(
            "LiveImage",
            "An image as each region holds it now",
            {
                **_IMAGE,
                "compared_at": output.datetime("The time of the comparison"),
                "cells": output.by_name(
                    "By region",
                    output.closed(
                        "LiveCell",
                        "The image in a region",
                        {
                            "state": enum((SAME, *COUNTED, UNKNOWN)),
                            **_CELL,
                            "id": output.nullable_text("The copy's id"),
                            "size": output.value("Its size in bytes", ["integer", "null"]),
                            "hash": enum((SAME, "differs", UNKNOWN)),
                            "provenance": {
                                "description": "The origin of a copy; null if it tells none",
                                "anyOf": [
                                    output.closed(
                                        "Provenance",
                                        "Where the copy says that it came from",
                                        {
                                            "source_region": output.nullable_text("The region"),
                                            "source_id": output.nullable_text("The image"),
                                            "source_hash": output.nullable_text(
                                                "The hash of its data"
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
