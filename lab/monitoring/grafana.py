"""The list as a Grafana dashboard, and alert rules, data source and dashboard provider for provisioning. Pure."""

from __future__ import annotations

from typing import Any

from lab.monitoring.alerts import ALERTS, SILENCE, Alert
from lab.monitoring.layout import TITLE, Place, places
from lab.monitoring.panel import Kind, Panel
from lab.monitoring.prometheus import SEVERITY
from lab.monitoring.selection import BUCKET

SOURCE_UID = "data-collector-central"
DASHBOARD_UID = "data-collector"
FOLDER = "Data Collector"
_SOURCE = {"type": "influxdb", "uid": SOURCE_UID}
_SCALE = 2  # Grafana's 24 columns
_ROWS = 3  # and its lower rows
_KINDS = {Kind.STAT: "stat", Kind.LINES: "timeseries", Kind.TABLE: "table"}


def dashboard() -> dict[str, Any]:
    """The dashboard's JSON model."""
    return {
        "uid": DASHBOARD_UID,
        "title": TITLE,
        "description": "Made by `make monitoring` from lab/monitoring. docs/monitoring.md explains it.",
        "tags": ["data-collector"],
        "timezone": "browser",
        "editable": True,
        "schemaVersion": 39,
        "refresh": "1m",
        "time": {"from": "now-3h", "to": "now"},
        "panels": [_panel(number, place) for number, place in enumerate(places(), 1)],
    }


def _panel(number: int, place: Place) -> dict[str, Any]:
    panel = place.panel
    return {
        "id": number,
        "type": _KINDS[panel.kind],
        "title": panel.title,
        "description": panel.note,
        "datasource": _SOURCE,
        "gridPos": {
            "x": place.x * _SCALE,
            "y": place.y * _ROWS,
            "w": panel.width * _SCALE,
            "h": place.height * _ROWS,
        },
        "targets": [{"refId": "A", "datasource": _SOURCE, "query": panel.query}],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel.kind),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    if panel.kind is Kind.TABLE:
        return {}
    if panel.key == "well":
        answers = {"0": {"text": "no", "color": "red", "index": 1}, "1": {"text": "yes", "color": "green", "index": 0}}
        return {"mappings": [{"type": "value", "options": answers}]}
    return {"unit": panel.unit}


def _options(kind: Kind) -> dict[str, Any]:
    if kind is Kind.STAT:
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "textMode": "auto"}
    if kind is Kind.LINES:
        shown = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
        return {"legend": shown, "tooltip": {"mode": "multi", "sort": "desc"}}
    return {"showHeader": True}


def source() -> dict[str, Any]:
    """The data source; its token comes from a file, by Grafana's own `$__file{}`."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Data Collector's central",
                "uid": SOURCE_UID,
                "type": "influxdb",
                "access": "proxy",
                "url": "${INFLUXDB_CENTRAL_URL}",
                "jsonData": {
                    "version": "Flux",
                    "organization": "${INFLUXDB_CENTRAL_ORG}",
                    "defaultBucket": BUCKET,
                },
                "secureJsonData": {"token": "$__file{/run/tokens/grafana_token}"},
            }
        ],
    }


def provider() -> dict[str, Any]:
    """Where Grafana finds the dashboard."""
    options = {"path": "/etc/grafana/dashboards"}
    return {"apiVersion": 1, "providers": [{"name": FOLDER, "folder": FOLDER, "type": "file", "options": options}]}


def rules() -> dict[str, Any]:
    """The alert rules: the query, then the threshold of one level."""
    made = [_rule(alert, number) for alert in (*ALERTS, SILENCE) for number in range(len(alert.levels))]
    group = {"orgId": 1, "name": "data-collector", "folder": FOLDER, "interval": "1m", "rules": _escaped(made)}
    return {"apiVersion": 1, "groups": [group]}


def _escaped(part: Any) -> Any:
    """`$` doubled in all texts: Grafana puts variables of the environment into what it provisions."""
    if isinstance(part, dict):
        return {key: _escaped(each) for key, each in part.items()}
    if isinstance(part, list):
        return [_escaped(each) for each in part]
    return part.replace("$", "$$") if isinstance(part, str) else part


def alert_query(alert: Alert) -> str:
    """The alert's value as one number a series: `_time`, `_value` and the tags."""
    # Beyond its window a collector that is silent has no row, which is an alert as well (noDataState).
    since = "-1h" if alert is SILENCE else "-5m"
    steps = '\n  |> sort(columns: ["_time"]) |> tail(n: 1)' if alert is SILENCE else ""
    tags = "".join(f", {tag}: r.{tag}" for tag in alert.selection.tags)
    grouped = ", ".join(f'"{tag}"' for tag in alert.selection.tags)
    return (
        f"{alert.selection.flux(since)}{steps}"
        f"\n  |> map(fn: (r) => ({{_time: now(), _value: {alert.value}{tags}}}))\n  |> group(columns: [{grouped}])"
    )


def _rule(alert: Alert, number: int) -> dict[str, Any]:
    level = alert.levels[number]
    evaluator = {"type": "lt" if level.below else "gt", "params": [level.value]}
    times = {"from": 3600 if alert is SILENCE else 300, "to": 0}
    where = "/".join(f"{{{{ $labels.{tag} }}}}" for tag in alert.selection.tags)
    return {
        "uid": f"data-collector-{alert.key}-{level.level}",
        "title": f"{alert.title} ({level.level})",
        "condition": "C",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": times,
                "datasourceUid": SOURCE_UID,
                "model": {"refId": "A", "query": alert_query(alert)},
            },
            _expression("B", "reduce", expression="A", reducer="last"),
            _expression("C", "threshold", expression="B", conditions=[{"evaluator": evaluator}]),
        ],
        "noDataState": "Alerting" if alert is SILENCE else "OK",
        "execErrState": "Error",
        "for": "0s",
        "labels": {"severity": SEVERITY[level.level]},
        "annotations": {"summary": f"{alert.title}: {where}" if where else alert.title, "page": alert.page},
    }


def _expression(ref: str, kind: str, **more: Any) -> dict[str, Any]:
    times = {"from": 0, "to": 0}
    model = {"refId": ref, "type": kind, "datasource": {"type": "__expr__", "uid": "__expr__"}} | more
    return {"refId": ref, "relativeTimeRange": times, "datasourceUid": "__expr__", "model": model}
