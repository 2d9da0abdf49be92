"""Renders an OpenAPI document as reStructuredText, for Sphinx.

The directive ``openapi`` takes the path of a document.  It shows the calls by their tags, each
with its parameters, answers and examples, and then the schemas that these refer to.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

Part = dict[str, Any]
#: Where schemas say what kind of value is allowed only in a branch.
BRANCHES = ("if", "then", "else")


def _heading(text: str, line: str) -> list[str]:
    return ["", text, line * len(text), ""]


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table, or nothing where there are no rows."""
    if not rows:
        return []
    lines = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in [columns, *rows]:
        for number, cell in enumerate(row):
            first = "   * - " if number == 0 else "     - "
            lines += [f"{first}{' '.join(cell.split())}".rstrip()]
    return [*lines, ""]


def _literal(text: str) -> str:
    return f"``{text}``"


def _plain(text: str) -> str:
    """Return a text that has no markup but ``code``, which Markdown writes `so`."""
    parts = text.replace("\\", "\\\\").replace("*", "\\*").split("`")
    return "``".join(parts)


class Document:
    """An OpenAPI document that can be shown."""

    def __init__(self, document: Part) -> None:
        self._document = document

    def _resolved(self, part: Part) -> Part:
        if "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            found: Part = self._document["components"][kind][name]
            return found
        return part

    def _type(self, schema: Part) -> str:
        """Say in a few words what a value is."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f":ref:`{name} <schema-{name}>`"
        if "if" in schema and "type" not in schema:
            kinds = [schema["if"], schema.get("then", {}), schema.get("else", {})]
            found = [self._type({**kinds[0], **kinds[1]}), self._type(kinds[2])]
            return " or ".join(dict.fromkeys(each for each in found if each))
        if "enum" in schema:
            return "one of " + ", ".join(_literal(json.dumps(each)) for each in schema["enum"])
        if "const" in schema:
            return _literal(json.dumps(schema["const"]))
        kind = schema.get("type", "")
        if isinstance(kind, list):
            return " or ".join(kind)
        if kind == "array" and schema.get("items"):
            return f"list of {self._type(schema['items'])}"
        return str(kind)

    def _call(self, path: str, method: str, operation: Part) -> Iterator[str]:
        yield from _heading(operation["summary"], "-")
        yield from (_literal(f"{method.upper()} {path}"), "")
        yield from _plain(operation["description"]).splitlines()
        parameters = [self._resolved(each) for each in operation.get("parameters", [])]
        yield from _table(
            ["parameter", "in", "type", "description"],
            [
                [
                    _literal(each["name"]),
                    each["in"],
                    self._type(each["schema"]),
                    _plain(each["description"]),
                ]
                for each in parameters
            ],
        )
        rows = []
        if "requestBody" in operation:
            media = operation["requestBody"]["content"]["application/json"]
            needed = "" if operation["requestBody"]["required"] else ", or nothing"
            yield from ("", f"Body: {self._type(media['schema'])}{needed}", "")
        for code, answer in operation["responses"].items():
            found = self._resolved(answer)
            # An answer such as 304 has no body.
            media = found.get("content", {}).get("application/json")
            kind = self._type(media["schema"]) if media else ""
            rows.append([code, kind, _plain(found["description"])])
        yield from _table(["status", "answer", ""], rows)
        yield from self._examples(operation)

    def _examples(self, operation: Part) -> Iterator[str]:
        asked = operation.get("requestBody", {}).get("content", {})
        asked = asked.get("application/json", {}).get("examples", {})
        good = next(iter(operation["responses"].values()))
        for name, example in good["content"]["application/json"].get("examples", {}).items():
            yield from ("", f"{example['summary']}:", "")
            if name in asked:
                yield from _code(asked[name]["value"])
                yield from ("", "The answer:", "")
            yield from _code(example["value"])

    def _schema(self, name: str, schema: Part) -> Iterator[str]:
        yield from ("", f".. _schema-{name}:")
        yield from _heading(name, "-")
        yield from (_plain(schema["description"]), "")
        required = schema.get("required", [])
        yield from _table(
            ["field", "type", "description"],
            [
                [
                    _literal(field) + ("" if field in required else " (optional)"),
                    self._type(each),
                    _plain(self._resolved(each)["description"]),
                ]
                for field, each in schema.get("properties", {}).items()
            ],
        )

    def lines(self) -> Iterator[str]:
        """Yield the document as reStructuredText."""
        for tag in self._document["tags"]:
            yield from _heading(tag["description"].rstrip("."), "=")
            for path, methods in self._document["paths"].items():
                for method, operation in methods.items():
                    if tag["name"] in operation["tags"]:
                        yield from self._call(path, method, operation)
        yield from _heading("Errors", "=")
        for answer in self._document["components"]["responses"].values():
            yield from ("", _plain(answer["description"]), "")
            examples = answer["content"]["application/json"].get("examples", {})
            for example in examples.values():
                yield from _code(example["value"])
        yield from _heading("Schemas", "=")
        for name, schema in self._document["components"]["schemas"].items():
            yield from self._schema(name, schema)


def _code(value: Any) -> Iterator[str]:
    yield from (".. code-block:: json", "")
    for line in json.dumps(value, indent=2).splitlines():
        yield f"   {line}"
    yield ""


class OpenAPI(SphinxDirective):
    """Shows an OpenAPI document."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the document's nodes."""
        relative, absolute = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        document = Document(yaml.safe_load(Path(absolute).read_text()))
        lines = StringList(list(document.lines()), source=absolute)
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the directive."""
    app.add_directive("openapi", OpenAPI)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
