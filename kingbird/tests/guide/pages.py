"""Reads commands and other literal blocks of the documentation with docutils."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "doc" / "source"
README = "README.rst"
#: Prompts of a user and of root.
PROMPTS = ("$ ", "# ")


@dataclass(frozen=True)
class Command:
    """One command as a page shows it.

    :ivar page: the page, from the root of the tree.
    :ivar text: the typed text without the prompt; it may have several lines.
    :ivar output: the output that the page shows below it, or an empty text.
    """

    page: str
    text: str
    output: str

    @property
    def words(self) -> str:
        """Return the command in one line, for comparisons."""
        return " ".join(self.text.replace("\\\n", " ").split())


def pages() -> list[str]:
    """Return all pages, from the root of the tree."""
    found = sorted(path.relative_to(ROOT).as_posix() for path in SOURCE.rglob("*.rst"))
    return [README, *found]


@cache
def blocks(page: str) -> tuple[tuple[str, str], ...]:
    """Return the literal blocks of a page in order: language, if any, and text."""
    path = ROOT / page
    # Directives and roles of Sphinx are unknown to docutils and contain no commands.
    quiet = {
        "report_level": 5,
        "halt_level": 5,
        "syntax_highlight": "none",
        "input_encoding": "utf-8",
    }
    tree = publish_doctree(path.read_text(), source_path=str(path), settings_overrides=quiet)
    found = []
    for node in tree.findall(nodes.literal_block):
        # docutils shows an unknown directive in this form.
        if isinstance(node.parent, nodes.system_message):
            continue
        languages = [name for name in node["classes"] if name != "code"]
        found.append((languages[0] if languages else "", node.astext()))
    return tuple(found)


def literal(page: str, language: str) -> list[str]:
    """Return the blocks of a page in one language."""
    return [text for found, text in blocks(page) if found == language]


def commands(page: str) -> list[Command]:
    """Return the commands of a page in order."""
    return [
        command
        for language, text in blocks(page)
        if language == "console" or (not language and text.startswith(PROMPTS))
        for command in _read(page, text)
    ]


def all_commands() -> list[Command]:
    """Return the commands of all pages."""
    return [command for page in pages() for command in commands(page)]


def _read(page: str, text: str) -> list[Command]:
    typed: list[list[str]] = []
    shown: list[list[str]] = []
    for line in text.splitlines():
        if typed and _goes_on("\n".join(typed[-1])):
            typed[-1].append(line)
        elif line.startswith(PROMPTS):
            typed.append([line[2:]])
            shown.append([])
        elif typed:
            shown[-1].append(line)
    return [
        Command(page, "\n".join(lines), "\n".join(output))
        for lines, output in zip(typed, shown, strict=True)
    ]


def _goes_on(text: str) -> bool:
    """Return True if the shell would ask for another line."""
    words = text.replace(";", " ").split()
    return text.endswith("\\") or words.count("do") > words.count("done")
