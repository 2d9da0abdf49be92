"""The Tempest plugin's source, read and not run: Tempest has an environment of its own."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PROJECT = ROOT / "tempest_plugin"
PACKAGE = PROJECT / "kingbird_tempest_plugin"
SOURCES = sorted(PACKAGE.rglob("*.py"))

#: The modules that Tempest 47 promises to plugins ("Stable Tempest APIs plugins may use"), as far
#: as they are of use here.
STABLE = ("tempest.lib", "tempest.config", "tempest.test", "tempest.test_discover.plugins")
#: Other modules that the plugin may import: its own, and Tempest's own requirements.
OTHERS = ("kingbird_tempest_plugin", "oslo_config")


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def is_allowed(name: str) -> bool:
    top = name.partition(".")[0]
    return is_within(name, STABLE + OTHERS) or top in sys.stdlib_module_names


def test_names_that_are_stable() -> None:
    for name in ("tempest.lib", "tempest.lib.exceptions", "tempest.test.BaseTestCase", "json"):
        assert is_allowed(name)
    for name in ("tempest.clients.Manager", "tempest.common.waiters", "tempest", "kingbird.db"):
        assert not is_allowed(name)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stable_interfaces_only(source: Path) -> None:
    tree = ast.parse(source.read_text())
    assert [name for name in imported(tree) if not is_allowed(name)] == []


def methods() -> list[tuple[str, ast.FunctionDef]]:
    """Return the test methods, each with where it is."""
    found = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.append((f"{source.stem}.{node.name}", node))
    return found


def decorator_arguments(method: ast.FunctionDef, name: str) -> list[str]:
    """Return what a decorator of ``tempest.lib.decorators`` is called with, as source."""
    return [
        ast.unparse(argument)
        for call in method.decorator_list
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"decorators.{name}"
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
    ]


def test_each_test_has_an_id_of_its_own() -> None:
    ids = [decorator_arguments(method, "idempotent_id") for _, method in methods()]
    assert len(ids) > 30
    assert {len(each) for each in ids} == {1}
    assert len({each[0] for each in ids}) == len(ids)
    assert all(re.fullmatch(r"'[0-9a-f-]{36}'", each[0]) for each in ids)


def test_negative_tests_say_so() -> None:
    marked = 0
    for where, method in methods():
        # Names tell that somebody gets nothing, in files where others get something.
        is_negative = "_negative." in where or (
            re.search("_(no|nothing)(_|$)", method.name) is not None
        )
        assert (decorator_arguments(method, "attr") == ["['negative']"]) is is_negative, where
        marked += is_negative and where.startswith("test_roles.")
    assert marked > 3


def test_entry_point() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["name"] == PACKAGE.name
    (target,) = project["entry-points"]["tempest.test_plugins"].values()
    module, _, name = target.partition(":")
    source = PROJECT / f"{module.replace('.', '/')}.py"
    classes = [
        node for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)
    ]
    assert [ast.unparse(each.bases[0]) for each in classes if each.name == name] == [
        "plugins.TempestPlugin"
    ]


def test_every_folder_is_a_package() -> None:
    # setuptools would leave a folder without one out of the wheel, and with it its tests.
    for source in SOURCES:
        assert (source.parent / "__init__.py").exists(), source
