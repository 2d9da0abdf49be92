"""Find the places of a file that can be changed, and make the changes."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from mutate import rules
from mutate.operators import OPERATORS


@dataclass(frozen=True)
class Mutant:
    """A file with one change.

    :ivar path: the file, relative to the tree.
    :ivar line: the number of the first line that changes.
    :ivar was: the lines that change, without their indentation.
    :ivar now: the lines that stand there instead.
    :ivar source: the changed file.
    """

    path: str
    line: int
    was: str
    now: str
    source: str

    def __str__(self) -> str:
        """Return the place and the change."""
        lines = [f"{self.path}:{self.line}"]
        lines += [f"  - {one}" for one in self.was.splitlines()]
        lines += [f"  + {one}" for one in self.now.splitlines()]
        return "\n".join(lines)


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (ParentNodeProvider, PositionProvider)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def _parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self.get_metadata(ParentNodeProvider, node, None)

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Note the changes of a node."""
        if rules.is_left_out(node, self._parent):
            return False
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                self.found += [
                    (node, changed)
                    for changed in operator(node)
                    if not rules.is_same(node, changed, self._parent)
                ]
        return True


class SourceFile:
    """A file and the changes that it can have."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self._source = (root / path).read_text()
        wrapper = MetadataWrapper(cst.parse_module(self._source))
        finder = _Finder()
        self._module = wrapper.visit(finder)
        self._changes = finder.found

    def __len__(self) -> int:
        """Return the number of changes."""
        return len(self._changes)

    def mutant(self, number: int) -> Mutant | None:
        """Make a change, or return ``None`` if the file stays as it is.

        :param number: from 0 to below the length.
        """
        node, changed = self._changes[number]
        changed_module = self._module.deep_replace(node, changed)
        assert isinstance(changed_module, cst.Module)
        source = changed_module.code
        difference = list(_difference(self._source, source))
        if not difference:
            return None
        lines = [line for line, _, _ in difference]
        was = "\n".join(text for _, sign, text in difference if sign == "-")
        now = "\n".join(text for _, sign, text in difference if sign == "+")
        return Mutant(self.path, lines[0], was, now, source)


def _difference(before: str, after: str) -> Iterator[tuple[int, str, str]]:
    """Yield the lines that differ: their number before, ``-`` or ``+``, and their text."""
    line = 0
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    for text in islice(lines, 2, None):
        if text.startswith("@@"):
            line = int(text.split()[1][1:].partition(",")[0])
        else:
            yield line, text[0], text[1:].strip()
