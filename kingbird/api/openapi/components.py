"""Schemas in OpenAPI's form: those with a title by reference, and in terms that all readers know.

Formats of Kingbird's own become patterns, and what a field means and what it may be become one
description.
"""

from typing import Any

from kingbird.api.schemas import formats

Schema = dict[str, Any]

#: Keywords whose value is a schema, a list of schemas, and schemas by names.
_ONE = frozenset(
    {"if", "then", "else", "not", "items", "contains", "propertyNames", "additionalProperties"}
)
_SEVERAL = frozenset({"allOf", "anyOf", "oneOf"})
_NAMED = frozenset({"properties"})


class Components:
    """Collects the schemas with a title."""

    def __init__(self) -> None:
        #: The schemas by their titles.
        self.schemas: dict[str, Schema] = {}

    def reference(self, schema: Any) -> Schema:
        """Return a schema in OpenAPI's form, or a reference to it where it has a title.

        :raises ValueError: two that differ have the same title.
        """
        title = schema.get("title")
        if title is None:
            return self._converted(schema)
        converted = self._converted(schema)
        if self.schemas.setdefault(title, converted) != converted:
            raise ValueError(f"Two schemas have the title {title}")
        return {"$ref": f"#/components/schemas/{title}"}

    def _converted(self, schema: Any) -> Schema:
        made: Schema = {}
        for keyword, value in schema.items():
            if keyword in ("$schema", "title", "meaning"):
                continue
            if keyword == "description":
                made[keyword] = _description(schema)
            elif keyword == "format":
                made["pattern"] = formats.PATTERNS[value]
            elif keyword in _ONE and isinstance(value, dict):
                made[keyword] = self.reference(value)
            elif keyword in _SEVERAL:
                made[keyword] = [self.reference(each) for each in value]
            elif keyword in _NAMED:
                made[keyword] = {name: self.reference(each) for name, each in value.items()}
            else:
                made[keyword] = value
        return made


def _description(schema: Any) -> str:
    """Return what a field means and what it may be, as sentences."""
    allowed: str = schema["description"]
    allowed = allowed[:1].upper() + allowed[1:]
    if "meaning" in schema:
        allowed = f"{schema['meaning']} {allowed}"
    if "x-option" in schema:
        allowed += f"; {schema['x-option']} sets how many at most"
    return allowed if allowed.endswith(".") else f"{allowed}."
