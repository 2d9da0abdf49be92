"""The tool that changes code finds what tests miss, and changes no more than one place."""

import ast
import random
from pathlib import Path

import pytest
from mutate import rooms, survivors
from mutate.__main__ import Run, main, report, sample
from mutate.mutants import Mutant, SourceFile

ROOT = Path(__file__).parents[4]

CODE = '''\
"""A module."""
import logging
from typing import TypeVar, cast

LOG = logging.getLogger(__name__)
T = TypeVar("T")
Image = dict[str, int]
MOST = 3


def checked(function):
    return function


@checked
def small(value: int = 5, *, texts: dict[str, int] | None = None) -> bool:
    """Say whether a number is small."""
    LOG.info("Looking at %s", value)
    if value < 0:
        raise ValueError(f"{value} is too small", 1)
    number = cast(int, value)
    store(number, "It is a small number", "SELECT one, two")
    pairs = zip(LOG, T, strict=True)
    return number < MOST


def odd(value: int) -> bool:
    strict = False
    check(value, strict=False)
    return False
'''


@pytest.fixture
def file(tmp_path: Path) -> SourceFile:
    """Return a file that can be changed."""
    (tmp_path / "small.py").write_text(CODE)
    return SourceFile(tmp_path, "small.py")


def changes(file: SourceFile) -> set[tuple[str, str]]:
    """Return the lines that change, with what they become."""
    made = [file.mutant(number) for number in range(len(file))]
    return {(one.was, one.now) for one in made if one is not None}


def test_changes(file: SourceFile) -> None:
    raised = 'raise ValueError(f"{value} is too small", 1)'
    stored = 'store(number, "It is a small number", "SELECT one, two")'
    assert changes(file) >= {
        ("MOST = 3", "MOST = 4"),
        ("return number < MOST", "return number <= MOST"),
        ("return number < MOST", "return None"),
        ("if value < 0:", "if value < 1:"),
        (stored, "pass"),
        (stored, stored.replace("number,", "None,", 1)),
        (stored, stored.replace("SELECT one, two", "XXSELECT one, twoXX")),
        ("@checked", ""),
        (raised, "pass"),
        (raised, 'raise ValueError(f"{value} is too small", 2)'),
        ("number = cast(int, value)", "number = cast(int, None)"),
    }


def test_what_shows_nothing_is_left_out(file: SourceFile) -> None:
    lines = {line for was, _ in changes(file) for line in was.splitlines()}
    for start in ('"""', "import ", "from ", "T = ", "Image = ", "LOG.info"):
        assert not [line for line in lines if line.startswith(start)]
    nows = {now for _, now in changes(file)}
    assert "number = cast(None, value)" not in nows
    assert "pairs = zip(None, T, strict=True)" in nows
    assert "pairs = zip(LOG, T, strict=False)" not in nows
    assert "pairs = zip(LOG, T, strict=None)" not in nows
    assert not [now for now in nows if "XXIt is" in now]
    assert not [now for now in nows if now.startswith("raise ValueError(None")]


def test_false_becomes_true_and_not_none(file: SourceFile) -> None:
    assert {now for was, now in changes(file) if "False" in was} == {
        "strict = True",
        "check(value, strict=True)",
        "check(None, strict=False)",
        "check(strict=False)",
        "check(value, )",
        "pass",
        "return True",
    }


def test_each_change_is_code_with_one_change(file: SourceFile) -> None:
    assert len(file) > 15
    for number in range(len(file)):
        mutant = file.mutant(number)
        if mutant is None:
            continue
        ast.parse(mutant.source)
        changed = mutant.source.splitlines()
        assert abs(len(changed) - len(CODE.splitlines())) <= 1
        assert CODE.splitlines()[mutant.line - 1].strip() == mutant.was.splitlines()[0]


def test_a_seed_chooses_the_same_mutants_and_each_file_has_its_turn(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CODE)
    (tmp_path / "b.py").write_text("ONE = 1\nTWO = 2\n")
    files = [SourceFile(tmp_path, path) for path in ("a.py", "b.py")]
    first = [mutant.path for mutant in sample(files, random.Random(1))]
    assert first == [mutant.path for mutant in sample(files, random.Random(1))]
    assert sorted(first[:4]) == ["a.py", "a.py", "b.py", "b.py"]
    assert len(list(sample(files, random.Random(1), most=1))) == 2


def test_a_trial_tells_which_tests_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three changes of a module: one dies, one hangs and one survives."""
    monkeypatch.chdir(ROOT)
    path = "kingbird/batching.py"
    tests = tmp_path / "test_batching.py"
    tests.write_text(
        "import time\n"
        "from kingbird import batching\n"
        "def test_batches():\n"
        "    while getattr(batching, 'HANGS', False): time.sleep(0.1)\n"
        "    assert not getattr(batching, 'DIES', False)\n"
    )
    monkeypatch.setattr(rooms, "tests_of", lambda root, path: [str(tests)])
    monkeypatch.setattr("mutate.__main__.HANGS", 3)
    file = SourceFile(ROOT, path)
    run = Run(ROOT, tmp_path, [file], jobs=2)
    run.check([file])
    source = (ROOT / path).read_text()
    mutants = [
        Mutant(path, 1, "", name, f"{source}\n{name} = True\n")
        for name in ("DIES", "HANGS", "LIVES")
    ]
    run.run(iter(mutants), lambda: False)
    assert (dict(run.died), run.hung, run.survived) == ({path: 2}, mutants[1:2], mutants[2:])
    assert (ROOT / path).read_text() == source
    assert (report(run, 60), report(run, 90)) == (0, 1)
    assert f"{path}:1\n  + LIVES" in capsys.readouterr().out
    monkeypatch.setattr(
        survivors, "read", lambda: [survivors.Survivor(path, "", "LIVES", "a reason")]
    )
    assert report(run, 90) == 0


def test_tests_that_fail_as_they_are_prove_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    tests = tmp_path / "test_wrong.py"
    tests.write_text("def test_wrong():\n    assert 'this' == 'wrong'\n")
    monkeypatch.setattr(rooms, "tests_of", lambda root, path: [str(tests)])
    with pytest.raises(SystemExit, match="assert 'this' == 'wrong'"):
        main(["--only", "kingbird/batching.py"])


def test_each_module_has_tests_that_exist() -> None:
    files = rooms.changed_files(ROOT)
    assert len(files) > 30
    for path in files:
        tests = rooms.tests_of(ROOT, path)
        assert tests
        assert [test for test in tests if not (ROOT / test).is_file()] == []
    # A pattern that names nothing is a module that has moved.
    assert [one for one in rooms.CHANGED if not list(ROOT.glob(one))] == []


def test_the_tests_of_a_modules_name_come_first() -> None:
    tests = rooms.tests_of(ROOT, "kingbird/sync/compare.py")
    assert tests[0] == "kingbird/tests/unit/sync/test_compare.py"
    assert "kingbird/tests/unit/sync/plan/test_planner.py" in tests
    assert len(tests) == len(set(tests))


def test_each_named_survivor_is_a_line_of_the_code_and_has_a_reason() -> None:
    for one in survivors.read():
        lines = [line.strip() for line in (ROOT / one.path).read_text().splitlines()]
        assert set(one.was.strip().splitlines()) <= set(lines), one
        assert len(one.reason.split()) > 3, one


def test_the_entry_of_a_survivor_names_it(tmp_path: Path) -> None:
    mutant = Mutant("a.py", 3, "x = '''one'''\ny = (", "x = None\ny = [", "")
    listed = tmp_path / "survivors.toml"
    listed.write_text(survivors.entry(mutant))
    assert survivors.is_named(mutant, survivors.read(listed))
