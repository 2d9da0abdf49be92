"""Convert Kingbird's schemas to OpenAPI's form.

A schema with a title becomes a component.  Kingbird's own formats become patterns.  ``meaning``
and ``description`` become one description.
"""

from typing import Any

from kingbird.api.schemas import formats

Schema = dict[str, Any]

#: Keywords whose value is a schema, a list of schemas, or a mapping to schemas.
_SCHEMA_KEYWORDS = frozenset(
    {"if", "then", "else", "not", "items", "contains", "propertyNames", "additionalProperties"}
)
_LIST_KEYWORDS = frozenset({"allOf", "anyOf", "oneOf"})
_MAP_KEYWORDS = frozenset({"properties"})


class Components:
    """The schemas that have a title."""

    def __init__(self) -> None:
        #: The converted schemas by title.
        self.schemas: dict[str, Schema] = {}

    def reference(self, schema: Any) -> Schema:
        """Return a converted schema, or a reference to it if it has a title.

        :raises ValueError: two different schemas have the same title.
        """
        title = schema.get("title")
        converted = self._convert(schema)
        if title is None:
            return converted
        if self.schemas.setdefault(title, converted) != converted:
            raise ValueError(f"Two schemas have the title {title}")
        return {"$ref": f"#/components/schemas/{title}"}

    def _convert(self, schema: Any) -> Schema:
        keywords: Schema = {}
        for keyword, value in schema.items():
            if keyword in ("$schema", "title", "meaning"):
                continue
            if keyword == "description":
                keywords[keyword] = _description(schema)
            elif keyword == "format":
                keywords["pattern"] = formats.PATTERNS[value]
            elif keyword in _SCHEMA_KEYWORDS and isinstance(value, dict):
                keywords[keyword] = self.reference(value)
            elif keyword in _LIST_KEYWORDS:
                keywords[keyword] = [self.reference(each) for each in value]
            elif keyword in _MAP_KEYWORDS:
                keywords[keyword] = {name: self.reference(each) for name, each in value.items()}
            else:
                keywords[keyword] = value
        return keywords


def _description(schema: Any) -> str:
    """Return a field's meaning and its allowed values as sentences."""
    allowed: str = schema["description"]
    allowed = allowed[:1].upper() + allowed[1:]
    if "meaning" in schema:
        allowed = f"{schema['meaning']} {allowed}"
    if "x-option" in schema:
        allowed += f"; {schema['x-option']} sets how many at most"
    return allowed if allowed.endswith(".") else f"{allowed}."
