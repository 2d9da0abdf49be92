"""Rewrites conditions of the OpenAPI document as alternatives.

schemathesis generates nothing for schemas with ``if``.  The alternatives allow the same bodies,
except that no region name contains an asterisk.
"""

import copy
from typing import Any

Schema = dict[str, Any]

_STAR = {"const": "*"}
_FALSE = [False, "False"]


def make_plain(document: dict[str, Any]) -> None:
    """Rewrite the schemas of a document.

    :raises ValueError: the document has an unknown condition.
    """
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        schemas[name] = _plain(schema)
    for name in ("SyncSet", "RuleRequest"):
        wanted = schemas[name]
        del wanted["allOf"]
        schemas[name] = {
            "description": wanted["description"],
            "anyOf": [
                _variant(wanted, everything, update)
                for everything in (False, True)
                for update in (False, True)
            ],
        }
    if _has_condition(schemas):
        raise ValueError("The OpenAPI document has conditions that the fuzzing doesn't know")


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: value if name == "allOf" else _plain(value) for name, value in schema.items()}
    condition = schema.get("if")
    if not isinstance(condition, dict):
        return schema
    then, otherwise = schema.pop("then"), schema.pop("else", None)
    del schema["if"]
    if condition == {"contains": _STAR}:
        return {"anyOf": [{"const": ["*"]}, {**schema, "items": _without_star(schema["items"])}]}
    if set(condition) == {"type"}:
        return {"anyOf": [{**then, **condition}, otherwise]}
    # A body is that of sets or of one set; a set is one of metadata definitions or of images.
    if condition.get("required") in (["Sync"], ["resource_type"]):
        return {"anyOf": [then, otherwise]}
    raise ValueError(f"Unknown condition: {condition}")


def _without_star(items: Schema) -> Schema:
    pattern = items["pattern"]
    if r"|\*" in pattern:
        return {**items, "pattern": pattern.replace(r"|\*", "")}
    return {**items, "pattern": pattern.replace("]*$", "*]*$")}


def _variant(wanted: Schema, everything: bool, update: bool) -> Schema:
    made = copy.deepcopy(wanted)
    fields = made["properties"]
    star, ids = fields["resources"]["anyOf"]
    fields["resources"] = star if everything else ids
    if not everything:
        del fields["filters"]
        fields["all_projects"] = {"enum": _FALSE}
    if update:
        fields["on_drift"] = {"const": "update"}
        made["required"] = [*made["required"], "on_drift"]
    else:
        fields["on_drift"] = {"const": "report"}
        fields["prune"] = {"enum": _FALSE}
    return made


def _has_condition(value: Any) -> bool:
    if isinstance(value, list):
        return any(_has_condition(each) for each in value)
    if isinstance(value, dict):
        return isinstance(value.get("if"), dict) or any(map(_has_condition, value.values()))
    return False
