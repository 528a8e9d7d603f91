"""The list as an InfluxDB template: a dashboard, checks, a deadman check, an HTTP endpoint and rules. Pure."""

from __future__ import annotations

from typing import Any

from lab.monitoring.alerts import ALERTS, PATIENCE, SILENCE, SILENT_AFTER, Alert
from lab.monitoring.layout import TITLE, places
from lab.monitoring.panel import Kind, Panel

VERSION = "influxdata.com/v2alpha1"
ENDPOINT = "data-collector-endpoint"
ENDPOINT_URL = "http://127.0.0.1:9099/data-collector"
"""As shipped; docs/monitoring.md says how to put one's own in."""
NOTIFY_EVERY = "1m"
"""Shorter than PATIENCE, or each status would be told of late or twice."""
STALE_AFTER = "7d"
"""How long the silence of a collector is told of, at the most."""

Resource = dict[str, Any]

_COLORS = [{"name": "line", "type": "scale", "hex": hex_} for hex_ in ("#31C0F6", "#A500A5", "#FF7E27")]
_TEXT = [{"name": "text", "type": "text", "hex": "#00C9FF"}]


def template(
    url: str = ENDPOINT_URL,
    every: str = PATIENCE,
    silent_after: str = SILENT_AFTER,
    notify_every: str = NOTIFY_EVERY,
) -> list[Resource]:
    """All resources; `every` and the others are Flux durations, `url` is where notifications go."""
    return [
        _resource("Dashboard", "data-collector-dashboard", name=TITLE, description=_MADE, charts=_charts()),
        *(threshold(alert, every) for alert in ALERTS),
        _resource(
            "CheckDeadman",
            _name(SILENCE),
            name=f"{TITLE}: {SILENCE.title}",
            description=SILENCE.meaning,
            every=every,
            level="crit",
            staleTime=STALE_AFTER,
            timeSince=silent_after,
            reportZero=False,
            status="active",
            statusMessageTemplate=f"${{r._level}}: {SILENCE.title}. What to do: {SILENCE.page}",
            query=SILENCE.selection.flux(f"-{STALE_AFTER}").split("\n  |> pivot")[0],
            tags=[_OURS],
        ),
        _resource(
            "NotificationEndpointHTTP",
            ENDPOINT,
            name=f"{TITLE}: where alerts go",
            type="none",
            method="post",
            url=url,
            status="active",
        ),
        _resource(
            "NotificationRule",
            "data-collector-rule",
            name=f"{TITLE}: crit and warn",
            description="Each status that is not well, at each look of its check, as long as it lasts.",
            endpointName=ENDPOINT,
            every=notify_every,
            messageTemplate="${ r._message }",
            status="active",
            statusRules=[{"currentLevel": "CRIT"}, {"currentLevel": "WARN"}],
            tagRules=[_OURS | {"operator": "equal"}],
        ),
    ]


_MADE = "Made by `make monitoring` from lab/monitoring. docs/monitoring.md explains it."
_OURS = {"key": "collector", "value": "data-collector"}


def threshold(alert: Alert, every: str) -> Resource:
    """The check of an alert.

    A check takes its field from the one comparison `_field ==` of its query, pivots what the query gives, and compares
    that column. So the value and the words for the message go in as two fields of one series.
    """
    rows = alert.selection.flux(f"-{every}")
    tags = ", ".join(f"{tag}: r.{tag}" for tag in alert.selection.tags)
    grouped = ", ".join(f'"{name}"' for name in ("_measurement", *alert.selection.tags))
    query = (
        f'import "experimental"\n{rows}'
        f"\n  |> map(fn: (r) => ({{_time: now(), _measurement: r._measurement, {tags},"
        f"\n    {alert.key}: {alert.value},\n    what: {alert.what},\n  }}))"
        f"\n  |> group(columns: [{grouped}])\n  |> experimental.unpivot()"
        f'\n  |> filter(fn: (r) => r._field == "{alert.key}" or exists r._field)'
    )
    levels = [
        {"type": "lesser" if each.below else "greater", "level": each.level.upper(), "value": each.value}
        for each in alert.levels
    ]
    fine = {"type": "greater", "level": "OK", "value": -1.0}
    message = f"${{r._level}}: {alert.title}: {alert.where}: ${{r.what}}. What to do: {alert.page}"
    return _resource(
        "CheckThreshold",
        _name(alert),
        name=f"{TITLE}: {alert.title}",
        description=alert.meaning,
        every=every,
        status="active",
        query=query,
        statusMessageTemplate=message,
        thresholds=[*levels, fine],
        tags=[_OURS],
    )


def _name(alert: Alert) -> str:
    return f"data-collector-{alert.key}"


def _resource(kind: str, name: str, /, **spec: Any) -> Resource:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _charts() -> list[Resource]:
    return [
        {"xPos": place.x, "yPos": place.y, "width": place.panel.width, "height": place.height} | _chart(place.panel)
        for place in places()
    ]


def _chart(panel: Panel) -> Resource:
    chart: Resource = {"name": panel.title, "queries": [{"query": panel.query}]}
    if panel.note:
        chart["note"] = panel.note
    if panel.kind is Kind.STAT:
        suffix = {"s": " s", "percent": " %"}.get(panel.unit, "")
        return chart | {"kind": "Single_Stat", "suffix": suffix, "colors": _TEXT, "decimalPlaces": 0}
    if panel.kind is Kind.TABLE:
        shown = [{"fieldName": name, "displayName": name, "visible": True} for name in panel.columns]
        options = {"verticalTimeAxis": True, "sortBy": panel.columns[0], "wrapping": "wrap", "fixFirstColumn": False}
        return chart | {"kind": "Table", "fieldOptions": shown, "tableOptions": options, "colors": _TEXT}
    axes = [
        {"name": "x", "base": "10", "scale": "linear"},
        {"name": "y", "base": "10", "scale": "linear", "suffix": {"s": " s"}.get(panel.unit, "")},
    ]
    drawn = {"geom": "line", "position": "overlaid", "xCol": "_time", "yCol": "_value", "axes": axes}
    return chart | {"kind": "Xy", "colors": _COLORS} | drawn
