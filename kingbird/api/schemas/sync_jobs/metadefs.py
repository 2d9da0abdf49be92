"""The schema of a set of metadata definitions."""

from kingbird.api.schemas.limits import MAX_NAME
from kingbird.api.schemas.shapes import JSONSchema, text
from kingbird.states import ALL, ResourceType

#: The options of a set of images that a set of metadata definitions has as well.
COMMON = ("source", "target", "dry_run", "on_drift")
_MEANINGS = {
    "source": {
        "meaning": "The regions where the namespaces are read. Each one is read from the first of "
        "these regions that has it, if that is the owner's of the oldest."
    },
    "target": {"meaning": "The regions where the namespaces are created."},
    "on_drift": {
        "meaning": "The action for a part that differs; the default is report. What is missing is "
        "created with either.",
    },
}
_REASON = f'as resource_type is "{ResourceType.METADEF}"'
#: Options without a meaning: the published client sends some of them, with these values.
_WITHOUT_MEANING: dict[str, list[bool | str]] = {
    "force": [False, "False"],
    "all_projects": [False, "False"],
    "prune": [False, "False"],
    "same_name": ["report"],
    "data": ["none"],
    "members": ["create"],
    "on_orphan": ["report"],
}


def set_of_namespaces(of_images: JSONSchema, resources: JSONSchema) -> JSONSchema:
    """Return the schema of a set of namespaces.

    :param of_images: the schema of a set of images.
    :param resources: keywords that limit the number of the names.
    """
    properties = of_images["properties"]
    left_out = {
        name: {"description": f"left out, {_REASON}", "not": {}}
        for name in properties
        if name not in (*COMMON, *_WITHOUT_MEANING, "resource_type", "resources")
    }
    return {
        "title": "MetadefSet",
        "meaning": "Namespaces of metadata definitions, their source and target regions, and how "
        "to sync them. Admins only.",
        "description": of_images["description"],
        "type": "object",
        "additionalProperties": False,
        "required": of_images["required"],
        "properties": {
            "resource_type": {
                "description": f'"{ResourceType.METADEF}"',
                "enum": [str(ResourceType.METADEF)],
            },
            "resources": {
                "meaning": f'Names of namespaces, or ["{ALL}"] for all that there are. A repeated '
                "name counts once.",
                "description": f'a list of at least one name of a namespace, or ["{ALL}"]',
                **resources,
                "items": text(f"the name of a namespace, 1 to {MAX_NAME} characters"),
                "if": {"contains": {"const": ALL}},
                "then": {
                    "description": f'a list of names, or ["{ALL}"] without any name',
                    "maxItems": 1,
                },
            },
            **{name: properties[name] | _MEANINGS.get(name, {}) for name in COMMON},
            **{
                name: {"description": f"{_word(values[0])}, {_REASON}", "enum": values}
                for name, values in _WITHOUT_MEANING.items()
            },
            **left_out,
        },
    }


def _word(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def by_type(of_images: JSONSchema, of_namespaces: JSONSchema, description: str) -> JSONSchema:
    """Return the schema of a set of either type."""
    return {
        "description": description,
        "if": {
            "required": ["resource_type"],
            "properties": {"resource_type": {"const": str(ResourceType.METADEF)}},
        },
        "then": of_namespaces,
        "else": of_images,
    }
