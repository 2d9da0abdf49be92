"""The schemas of request bodies."""

from collections.abc import Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.filters import FILTERS
from kingbird.api.schemas.limits import MAX_NAME, RequestLimits
from kingbird.api.schemas.shapes import DIALECT, JSONSchema, text
from kingbird.api.schemas.sync_jobs.metadefs import by_type, set_of_namespaces
from kingbird.states import ALL, MemberMode, ResourceType

_FALSE = [False, "False"]
#: The choices for orphans.
ON_ORPHAN = ["report", "hide", "delete"]
#: The most orphans that a limit can allow.
MAX_ORPHANS = 1_000_000
#: The maximum of image ids that name a part of a job.
MAX_IDS = 1000

_REGION = text(f"the name of a region, 1 to {MAX_NAME} characters")
_TARGET = f'a list of at least one name of a region, or "{ALL}" alone'
_SOURCE = f'the name of a region, or a list of at least one such name, or "{ALL}"'


def _wildcard_alone(description: str) -> JSONSchema:
    """Return keywords that allow :data:`ALL` only as the single entry of a list."""
    return {
        "if": {"contains": {"const": ALL}},
        "then": {"description": description, "maxItems": 1},
    }


def _conditional(reason: str, **properties: JSONSchema) -> JSONSchema:
    """Return schemas of fields that another field restricts.

    :param reason: the restriction by the other field, for the error message.
    """
    return {
        name: {**schema, "description": f"{schema['description']}, as {reason}"}
        for name, schema in properties.items()
    }


def boolean(meaning: str) -> JSONSchema:
    """Return the schema of a field that is true or false."""
    return {
        "meaning": meaning,
        "description": 'true, false, "True" or "False"',
        # The published client sends strings.
        "enum": [True, False, "True", "False"],
    }


def _choice(meaning: str, words: Sequence[str]) -> JSONSchema:
    """Return the schema of a field that is one of several words."""
    *others, last = [f'"{word}"' for word in words]
    description = f"{', '.join(others)} or {last}"
    return {"meaning": meaning, "description": description, "enum": [str(one) for one in words]}


def bounded_array(limit: str, limits: RequestLimits) -> JSONSchema:
    """Return the keywords of a list's length, which are checked before the entries."""
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": getattr(limits, limit),
        "x-option": f"[api] max_{limit}",
    }


def orphan_limit() -> JSONSchema:
    """Return the schema of the number of orphans that a run may hide or delete."""
    return {
        "meaning": "The number of orphans of one region that a run may hide or delete in another "
        "one, if it is more than 10 and more than a tenth of the images from there.",
        "description": f"a number from 0 to {MAX_ORPHANS}",
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_ORPHANS,
    }


def sync_set(limits: RequestLimits) -> JSONSchema:
    """Return the schema of a set of images or of metadata definitions."""
    of_images = image_set(limits)
    return by_type(of_images, metadef_set(limits), of_images["description"])


def metadef_set(limits: RequestLimits) -> JSONSchema:
    """Return the schema of a set of metadata definitions."""
    return set_of_namespaces(image_set(limits), bounded_array("resources", limits))


def image_set(limits: RequestLimits) -> JSONSchema:
    """Return the schema of a set of images."""
    return {
        "title": "SyncSet",
        "meaning": "Images, their source and target regions, and how to sync them.",
        "description": "an object with resource_type, resources, source and target",
        "type": "object",
        "additionalProperties": False,
        "required": ["resource_type", "resources", "source", "target"],
        "properties": {
            "resource_type": {
                "description": " or ".join(f'"{one}"' for one in ResourceType),
                "enum": [str(ResourceType.IMAGE)],
            },
            "resources": {
                "meaning": f'Ids of images, or ["{ALL}"] for all that the project owns. A '
                "repeated id counts once.",
                "description": f'a list of at least one image id, or ["{ALL}"]',
                **bounded_array("resources", limits),
                "items": {
                    "description": f'an image id (a UUID), or "{ALL}" alone',
                    "type": "string",
                    # One format instead of two alternatives, because a request may have many ids.
                    "format": formats.UUID_OR_ALL,
                },
                **_wildcard_alone(f'a list of image ids, or ["{ALL}"] without any id'),
            },
            "source": {
                "meaning": "The regions where the images are read. Each image is read from the "
                "first of these regions that has its data.",
                "description": _SOURCE,
                "if": {"type": "string"},
                "then": {**_REGION, "description": _SOURCE},
                "else": {
                    "description": _SOURCE,
                    **bounded_array("regions", limits),
                    "items": _REGION,
                },
            },
            "target": {
                "meaning": "The regions where the records are created. A region may be a target "
                "and one of several sources.",
                "description": _TARGET,
                "if": {"type": "string"},
                "then": {"description": _TARGET, "const": ALL},
                "else": {
                    "description": _TARGET,
                    **bounded_array("regions", limits),
                    "items": _REGION,
                    **_wildcard_alone(_TARGET),
                },
            },
            "force": boolean("Creates copies under other ids."),
            "filters": FILTERS,
            "all_projects": boolean(f'Makes ["{ALL}"] stand for the images of every project.'),
            "dry_run": boolean("Plans, and writes nothing in any region."),
            "on_drift": _choice(
                "The action for a copy that differs; the default is report.", ["report", "update"]
            ),
            "same_name": _choice(
                "The action for an image whose name, owner and data another image in the target "
                "has; the default is report, which creates the record and says so.",
                ["report", "skip"],
            ),
            "data": _choice(
                "The data of the copies; the default is none. With import, the Glance of each "
                "target is asked to fetch them from the source, and the job ends when they have "
                "arrived.",
                ["none", "import"],
            ),
            "members": _choice(
                "The members of copies of shared images that are compared with the source's. The "
                "default is create, which compares none: a copy gets them when it is created. "
                "With add, members that only the source has are drift; with exact, also those "
                "that only a copy made by Kingbird has.",
                tuple(MemberMode),
            ),
            "on_orphan": _choice(
                "The action for an orphan, a copy whose home region has deleted the image; the "
                "default is report. With hide it is hidden; with delete it is deleted after it "
                "was hidden for [sync] orphan_grace.",
                ON_ORPHAN,
            ),
            "orphan_limit": orphan_limit(),
            "prune": boolean("Removes properties from a copy that its source does not have."),
        },
        "allOf": [
            {
                "if": {"not": {"properties": {"resources": {"const": [ALL]}}}},
                "then": {
                    "properties": _conditional(
                        f'resources is not ["{ALL}"]',
                        filters={"description": "left out", "not": {}},
                        all_projects={"description": "false", "enum": _FALSE},
                        # The homes of named images are not walked through.
                        on_orphan={"description": '"report"', "enum": ON_ORPHAN[:1]},
                    )
                },
            },
            {
                "if": {
                    "not": {
                        "properties": {"on_drift": {"const": "update"}},
                        "required": ["on_drift"],
                    }
                },
                "then": {
                    "properties": _conditional(
                        'on_drift is not "update"',
                        prune={"description": "false", "enum": _FALSE},
                    )
                },
            },
        ],
    }


def create(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of a request that creates a job."""
    one = sync_set(limits)
    return {
        "$schema": DIALECT,
        "title": "SyncRequest",
        "description": "an object with resource_set",
        "type": "object",
        "additionalProperties": False,
        "required": ["resource_set"],
        "properties": {
            "resource_set": {
                "description": "an object, either one set or a list of sets under Sync",
                "type": "object",
                # "anyOf" is not used, because an error should point into the branch that was
                # meant.
                "if": {"type": "object", "required": ["Sync"]},
                "then": {
                    "title": "SyncSets",
                    "description": "an object with nothing but Sync",
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["Sync"],
                    "properties": {
                        "Sync": {
                            "meaning": "The sets of one job.",
                            "description": "a list of at least one set",
                            **bounded_array("sets", limits),
                            "items": one,
                        }
                    },
                },
                "else": one,
            }
        },
    }


def part(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of an optional body that names a part of a job."""
    return {
        "title": "Part",
        "meaning": "The part of a job that the call is about; all of it without a body.",
        "description": "empty, or an object with regions, resources or both",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "regions": {
                "meaning": "Only items in these target regions.",
                "description": "a list of at least one name of a region of the job",
                **bounded_array("regions", limits),
                "items": _REGION,
            },
            "resources": {
                "meaning": "Only items of these images, or namespaces.",
                "description": f"a list of at least one image id of the job, at most {MAX_IDS}",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_IDS,
                # The type of the job decides, which the schema does not know.
                "items": text(
                    "an image id (a UUID)",
                    "Names of namespaces if the job is about metadata definitions.",
                ),
            },
        },
    }


def empty(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of an optional, empty body."""
    return {
        "title": "Nothing",
        "description": "empty, or {}",
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }
