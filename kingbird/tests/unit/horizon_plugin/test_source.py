"""The dashboard's source, read and not run: Horizon has an environment of its own."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from dashboard_run import environment, policies

from kingbird import policies as service

ROOT = Path(__file__).resolve().parents[4]
PACKAGE = ROOT / "horizon_plugin" / "kingbird_dashboard"
SOURCES = sorted(
    path for path in PACKAGE.rglob("*.py") if "test" not in path.relative_to(PACKAGE).parts
)
TEMPLATES = sorted(PACKAGE.rglob("*.html"))
SCRIPTS = sorted(PACKAGE.rglob("*.js"))


def test_the_default_policies_are_those_of_the_service() -> None:
    assert policies.FILE.read_text() == policies.render(), "`make samples` renews it"
    listed = yaml.safe_load(policies.FILE.read_text())
    assert [one["name"] for one in listed] == [rule.name for rule in service.list_rules()]
    checks = {one["name"]: one["check_str"] for one in listed}
    assert checks == {rule.name: rule.check_str for rule in service.list_rules()}


def test_each_button_has_a_policy_of_the_service() -> None:
    tree = ast.parse((PACKAGE / "content" / "rights.py").read_text())
    used = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("kingbird:")
    }
    assert len(used) > 10
    assert used <= {rule.name for rule in service.list_rules()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_names_of_images_are_never_markup(path: Path) -> None:
    # AngularJS runs on each page: what html.escape leaves would be evaluated.
    assert not re.search(r"mark_safe|html\.escape|SafeString", path.read_text())
    # format_html escapes as templates do; what it is given as the format is markup all the same.
    assert ("format_html" in path.read_text()) is (path.name == "buttons.py")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_escape(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\|\s*safe\b|autoescape|<script", text)
    # The user who posts was shown the page.
    assert text.count('method="post"') == text.count("{% csrf_token %}")


def test_angularjs_leaves_the_pages_alone() -> None:
    for name in ("base.html", "image_tab.html"):
        text = (PACKAGE / "templates" / "kingbird" / name).read_text()
        assert 'id="kingbird" ng-non-bindable' in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_texts_only(path: Path) -> None:
    found = re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|angular|\$\(",
        path.read_text(),
    )
    assert found is None


def test_all_scripts_and_styles_are_enabled() -> None:
    enabled = (PACKAGE / "enabled" / "_1940_project_image_sync.py").read_text()
    for path in (*SCRIPTS, *PACKAGE.rglob("*.scss")):
        assert f'"kingbird/{path.name}"' in enabled


def test_every_folder_with_code_is_a_package() -> None:
    for source in SOURCES:
        # Horizon runs these files and imports none of them.
        if source.parent.name != "local_settings.d":
            assert (source.parent / "__init__.py").exists(), source


def test_the_oldest_release_is_the_one_that_is_required() -> None:
    text = environment.Environment("oldest").constraints.read_text()
    (pinned,) = re.findall(r"(?m)^horizon==(\d+\.\d+)\.", text)
    project = (ROOT / "horizon_plugin" / "pyproject.toml").read_text()
    assert f'"horizon>={pinned}.0"' in project
    guide = (ROOT / "doc" / "source" / "install" / "dashboard.rst").read_text()
    assert f"Horizon {pinned} " in guide
