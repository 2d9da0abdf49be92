"""The OpenAPI document as text."""

import json
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes what comes twice twice; a reader of the file should need no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(document: dict[str, Any]) -> str:
    """Return a document as YAML, in its own order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96)
    return text


def as_json(document: dict[str, Any]) -> str:
    """Return a document as JSON, in its own order."""
    return json.dumps(document, indent=2) + "\n"
