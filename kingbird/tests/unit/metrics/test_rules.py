"""The dashboard and the alert rules name metrics that there are, in PromQL that can be read.

So does the guide.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from kingbird.db.region_states import Figures
from kingbird.metrics.collector import DatabaseCollector
from kingbird.metrics.counters import Counters
from kingbird.tests.unit.db.rows import planned_job, row
from kingbird.tests.unit.db.states import find, state
from kingbird.tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[4]
ETC = ROOT / "etc" / "kingbird"
GUIDE = ROOT / "doc" / "source" / "admin" / "metrics.rst"
RULES = ETC / "prometheus-alerts.yaml"
DASHBOARD = ETC / "grafana-dashboard.json"
#: ``make`` puts it beside the virtual environment's programs, where it can be had.
PROMTOOL = shutil.which("promtool", path=Path(sys.prefix) / "debian/usr/bin") or shutil.which(
    "promtool"
)


def alerts() -> list[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def panels() -> list[str]:
    found = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in found for target in panel["targets"]]


@pytest.fixture
def there(database) -> dict[str, set[str]]:
    """Return the samples that can be asked for, with their labels."""
    # Figures of the database that come late are left out, and the machine may be busy.
    database.set_override("database_timeout", PATIENCE, "metrics")
    # Regions are known by their data that are to arrive.
    planned_job(row(data="pending", bytes=1, data_since=0))
    # Regions are known by what was compared.
    find(state(), figures=Figures(False, {"R2": 1}))
    registry = CollectorRegistry()
    Counters(registry)
    # Metrics without a sample are known by their families alone.
    labels = {}
    metric: Any
    for metric in registry._collector_to_names:
        names = set(metric._labelnames)
        if metric._type == "counter":
            labels[f"{metric._name}_total"] = names
        elif metric._type == "histogram":
            labels |= {f"{metric._name}_{end}": names for end in ("count", "sum")}
            labels[f"{metric._name}_bucket"] = {*names, "le"}
        else:
            labels[metric._name] = names
    for family in DatabaseCollector(database).collect():
        labels[family.name] = {name for sample in family.samples for name in sample.labels}
    return labels


def test_every_metric_is_there(there):
    used = set(re.findall(r"kingbird_\w+", " ".join(alerts() + panels())))
    assert used <= set(there)
    # And what there is can be seen, but for what is a count and a sum of the same.
    unseen = {name for name in there if not name.endswith(("_sum", "_count"))} - used
    assert not unseen


def test_the_guide_has_them_all(there):
    """Each with its labels; a histogram by its own name."""
    tables = re.findall(
        r"\* - ``(kingbird_\w+)``\n +- ?(.*)\n", GUIDE.read_text().split(".. list-table::")[1]
    )
    listed = {name: {label for label in labels.split(", ") if label} for name, labels in tables}
    own = {}
    for name, labels in there.items():
        if name.endswith("_bucket"):
            own[name.removesuffix("_bucket")] = labels - {"le"}
        elif not name.endswith(("_sum", "_count")):
            own[name] = labels
    assert listed == own


def test_labels_are_there(there):
    for expression in alerts() + panels():
        known = set().union(*(there[name] for name in re.findall(r"kingbird_\w+", expression)))
        grouped = re.findall(r"\bby \(([^)]*)\)", expression)
        used = {name.strip() for group in grouped for name in group.split(",")}
        used |= set(re.findall(r"[{,]\s*(\w+)\s*=", expression))
        # Prometheus's own.
        assert used - {"instance"} <= known, expression


@pytest.mark.parametrize("expression", alerts() + panels())
def test_brackets_are_closed(expression):
    opened = []
    for sign in re.sub(r'"[^"]*"', "", expression):
        if sign in "([{":
            opened.append(")]}"["([{".index(sign)])
        elif sign in ")]}":
            assert opened
            assert opened.pop() == sign
    assert not opened


@pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not here; brackets and names are checked"
)
def test_prometheus_reads_them(tmp_path):
    rules = [
        {"record": f"panel{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(panels())
    ]
    recorded = tmp_path / "panels.yaml"
    recorded.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    for file in (RULES, recorded):
        done = subprocess.run(
            [str(PROMTOOL), "check", "rules", str(file)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
