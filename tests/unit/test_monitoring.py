"""The files in monitoring/ are what the list says, ask for what there is, and point at pages that are there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

from lab.monitoring import grafana, influxdb, prometheus
from lab.monitoring.alerts import ALERTS, SILENCE, SILENT_AFTER, Alert
from lab.monitoring.files import FILES, FOLDER
from lab.monitoring.layout import WIDTH, places
from lab.monitoring.panel import Panel
from lab.monitoring.panels import PANELS
from telegraf_plugin.config.load import load
from telegraf_plugin.lint import lint, read
from tests.telegraf_conf import with_prometheus
from tests.unit.test_lint import IN_FLIGHT, ROOT, SETTINGS
from tests.unit.test_metrics_document import PRINTED

DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text()
ALL = (*ALERTS, SILENCE)


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_stale(name: str) -> None:
    assert (FOLDER / name).read_text() == FILES[name], "run `make monitoring`"


def test_there_is_no_file_that_nothing_makes() -> None:
    there = {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*") if file.is_file()}
    assert there == set(FILES)


def fields_asked(query: str) -> list[tuple[str, str]]:
    """The measurements of the collector's own and their fields that a query asks for."""
    found = []
    for measurement, fields in re.findall(
        r'_measurement == "(\w+)"\)\s*\|> filter\(fn: \(r\) => r\._field =~ /\^\(([^)]*)', query
    ):
        found += [(measurement, name) for name in fields.split("|") if not measurement.startswith("internal_")]
    return found


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.key)
def test_a_panel_asks_for_fields_that_are_printed(panel: Panel) -> None:
    asked = fields_asked(panel.query)
    assert asked or "internal_write" in panel.query
    assert [each for each in asked if each[1] not in PRINTED[each[0]]] == []


@pytest.mark.parametrize("alert", ALL, ids=lambda alert: alert.key)
def test_an_alert_asks_for_fields_that_are_printed(alert: Alert) -> None:
    asked = fields_asked(alert.selection.flux("-5m"))
    assert [each for each in asked if each[1] not in PRINTED[each[0]]] == []
    for name in re.findall(r"\bcollector_\w+", " ".join(alert.prometheus.values())):
        measurement = "_".join(name.split("_")[:2])
        assert PRINTED[measurement].get(name.removeprefix(f"{measurement}_")) in ("integer", "float"), name


@pytest.mark.parametrize("alert", ALL, ids=lambda alert: alert.key)
def test_an_alert_points_at_a_page_that_is_there_and_is_explained(alert: Alert) -> None:
    page, _, anchor = alert.page.partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| {alert.title} |"))
    assert f"({alert.page.removeprefix('docs/')})" in row
    assert " and ".join(each.level for each in alert.levels) in row


def test_panels_stand_beside_each_other() -> None:
    taken = [
        (x, y)
        for each in places()
        for x in range(each.x, each.x + each.panel.width)
        for y in range(each.y, each.y + each.height)
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < WIDTH
    assert len({panel.key for panel in PANELS}) == len(PANELS)


def lost(mine: Any, theirs: Any, where: str = "") -> list[str]:
    """Where `theirs` lacks or changes something of `mine`."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        missing = [f"{where}/{key}" for key in mine if key not in theirs]
        return missing + [p for key in mine if key in theirs for p in lost(mine[key], theirs[key], f"{where}/{key}")]
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        return [p for at, pair in enumerate(zip(mine, theirs, strict=True)) for p in lost(*pair, f"{where}/{at}")]
    return [] if mine == theirs else [where]


def test_grafanas_own_classes_keep_all_of_the_dashboard() -> None:
    register_default_plugins()
    mine = grafana.dashboard()
    assert lost(mine, json.loads(JSONEncoder().encode(Dashboard.from_json(mine)))) == []
    mine["panels"][0]["titel"] = "misspelt"
    assert lost(mine, json.loads(JSONEncoder().encode(Dashboard.from_json(mine)))) == ["/panels/0/titel"]


def test_grafanas_own_classes_keep_all_of_the_alert_rules() -> None:
    (group,) = grafana.rules()["groups"]
    assert len(group["rules"]) == sum(len(alert.levels) for alert in ALL)
    for mine in group["rules"]:
        named = mine | {"folderUID": "f", "orgID": 1, "ruleGroup": "g"}
        assert lost(named, json.loads(JSONEncoder().encode(Rule.from_json(named)))) == []


def test_grafana_puts_no_variable_of_the_environment_into_a_rule() -> None:
    text = json.dumps(grafana.rules())
    assert "$$labels.source" in text
    assert "$" not in text.replace("$$", "")


def test_a_check_has_the_one_comparison_that_influxdb_takes_its_field_from() -> None:
    for alert in ALERTS:
        (field,) = re.findall(r'_field == "(\w+)"', influxdb.threshold(alert, "5m")["spec"]["query"])
        assert field == alert.key


def test_a_rule_for_prometheus_stands_for_each_level() -> None:
    (group,) = prometheus.rules()["groups"]
    assert len(group["rules"]) == sum(len(alert.prometheus) for alert in ALL)
    assert all(set(alert.prometheus) == {each.level for each in alert.levels} for alert in ALL)


def test_the_demos_grafana_mounts_what_is_provisioned() -> None:
    service = yaml.safe_load((ROOT / "compose.demo.yaml").read_text())["services"]["grafana"]
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert grafana.provider()["providers"][0]["options"]["path"] == mounts["./monitoring/grafana/dashboards"]
    (source,) = grafana.source()["datasources"]
    assert source["secureJsonData"]["token"] == "$__file{" + mounts["tokens"] + "/grafana_token}"
    assert '_token("grafana_token"' in (ROOT / "lab" / "containers" / "furnish.py").read_text()
    assert {"INFLUXDB_CENTRAL_URL", "INFLUXDB_CENTRAL_ORG"} <= service["environment"].keys()
    assert service["profiles"] == ["grafana"]  # else the demo would need its image
    version = next(line for line in (ROOT / "requirements-dev.txt").read_text().splitlines() if "grafana-" in line)
    assert service["image"].rsplit(":", 1)[1] in version


def test_prometheus_gets_no_text_and_keeps_a_metric_longer_than_an_interval() -> None:
    shipped = (ROOT / "telegraf.conf").read_text()
    assert "prometheus_client" not in tomllib.loads(shipped)["outputs"]
    (output,) = tomllib.loads(with_prometheus(shipped))["outputs"]["prometheus_client"]
    assert output["string_as_label"] is False
    # As the health check, which is set with the interval: two intervals and a half.
    assert output["expiration_interval"] == "${HEALTH_MAX_SILENCE:-150s}"
    assert int(SETTINGS.get("COLLECTOR_INTERVAL", "60")) < 150
    assert SILENT_AFTER == "3m"


def test_check_finds_nothing_wrong_with_the_block_for_prometheus(tmp_path: Path) -> None:
    shipped = (ROOT / "telegraf.conf").read_text()
    (tmp_path / "telegraf.conf").write_text(with_prometheus(shipped))
    text = (tmp_path / "telegraf.conf").read_text()
    assert text.count("prometheus_client]]") == 1
    streams = load(ROOT / "config" / "queries.yaml", SETTINGS)
    assert lint(streams, read(tmp_path / "telegraf.conf", SETTINGS), IN_FLIGHT) == {}
