"""No command stands in the documentation that nothing runs."""

import configparser
import re

import pytest

from kingbird.tests.guide import pages
from kingbird.tests.guide.pages import README, ROOT, SOURCE, all_commands, blocks, literal
from kingbird.tests.guide.runs import NOT_RUN, RUN_BY, reason_not_to_run, to_run
from kingbird.tests.guide.shapes import rows_by_name, shape

SERVICE = "doc/source/install/service.rst"


def test_each_command_is_run_by_a_test_or_there_is_a_reason() -> None:
    run = {command.words for page in RUN_BY for command in to_run(page)}
    neither = [
        f"{command.page}: {command.words}"
        for command in all_commands()
        if reason_not_to_run(command) is None and command.words not in run
    ]
    assert neither == []


def test_each_reason_is_one_for_a_command() -> None:
    texts = [command.words for command in all_commands()]
    unused = [start for start in NOT_RUN if not any(text.startswith(start) for text in texts)]
    assert unused == []


@pytest.mark.parametrize("page", RUN_BY)
def test_the_pages_and_the_tests_that_run_them_exist(page: str) -> None:
    assert to_run(page)
    name, function = RUN_BY[page].split("::")
    text = (ROOT / "kingbird" / "tests" / "functional" / name).read_text()
    assert f"\ndef {function}(" in text


def test_commands_are_shown_in_blocks_that_are_looked_at() -> None:
    shells = {"bash", "sh", "shell", "shell-session"}
    found = [page for page in pages.pages() for language, _ in blocks(page) if language in shells]
    assert found == []


def test_what_the_guide_installs_with_pip_is_what_the_tests_use() -> None:
    required = {
        line.partition("#")[0].strip()
        for line in (ROOT / "test-requirements.txt").read_text().splitlines()
    }
    names = {re.split(r"[<>=]", line)[0]: line for line in required if line}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for command in all_commands():
        if not command.words.startswith("pip install "):
            continue
        for word in command.words.replace("'", "").split()[2:]:
            if extra := re.fullmatch(r"kingbird\[(\w+)\]", word):
                assert extra[1] in setup["extras"]
            elif "==" in word:
                assert word in required
            else:
                assert word in names


def test_the_readme_installs_as_the_guide_does() -> None:
    shown = [text for language, text in blocks(README) if not language]
    assert (SOURCE / "install" / "kingbird.conf").read_text().strip() in shown
    for statements in literal(SERVICE, "sql"):
        assert statements in shown
    readme = [command.words for command in pages.commands(README)]
    # Where the units are, the guide tells on another page; root alone can run both.
    for command in pages.commands(SERVICE):
        if not command.words.startswith(("install ", "chown ", "chmod ", "curl ")):
            assert command.words in readme


def test_what_is_typed_and_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(
        [
            "$ one \\",
            "    two",
            "shown",
            "  shown too",
            "# for x in 1; do",
            "    three $x",
            "  done",
            "$ four",
        ]
    )
    monkeypatch.setattr(pages, "blocks", lambda page: (("console", text), ("ini", "# no")))
    one, loop, four = pages.commands("page.rst")
    assert (one.words, one.output) == ("one two", "shown\n  shown too")
    assert loop.text == "for x in 1; do\n    three $x\n  done"
    assert (four.text, four.output) == ("four", "")


def test_shapes() -> None:
    table = "noise\n+----+---+\n| ID | B |\n+----+---+\n| 1  | 2 |\n+----+---+\nmore"
    assert shape(table) == ("table", ("B", "ID"))
    assert shape('{"a": [{"b": 1}], "c": {"d": null}}') == ("keys", ("a", "a.b", "c", "c.d"))
    assert shape("text") is None


def test_rows_by_name() -> None:
    table = "| ID | Name | One | Two |\n+----+\n| 1  | web | = |   |\n| 2  | edge | + | ! |\nmore"
    assert rows_by_name(table) == {
        "web": {"One": "=", "Two": ""},
        "edge": {"One": "+", "Two": "!"},
    }
    assert rows_by_name("| Field | Value |\n| ID | 1 |") is None
    assert rows_by_name("text") is None
