"""Write the OpenAPI document as text."""

import json
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """A dumper without anchors: it repeats a value that occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(document: dict[str, Any]) -> str:
    """Return a document as YAML, without sorting its keys."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96)


def as_json(document: dict[str, Any]) -> str:
    """Return a document as JSON, without sorting its keys."""
    return json.dumps(document, indent=2) + "\n"
