"""The alerts as Prometheus rules, for `[[outputs.prometheus_client]]` of telegraf.conf. Pure."""

from __future__ import annotations

from typing import Any

from lab.monitoring.alerts import ALERTS, SILENCE

SEVERITY = {"crit": "critical", "warn": "warning"}


def rules() -> dict[str, Any]:
    """The rules file: one group, a rule an alert and level."""
    return {
        "groups": [
            {
                "name": "data-collector",
                "rules": [
                    {
                        "alert": f"DataCollector{alert.key.capitalize()}",
                        "expr": expression,
                        "for": alert.lasting,
                        "labels": {"severity": SEVERITY[level]},
                        "annotations": {"summary": _summary(alert.title, alert.selection.tags), "page": alert.page},
                    }
                    for alert in (*ALERTS, SILENCE)
                    for level, expression in alert.prometheus.items()
                ],
            }
        ]
    }


def _summary(title: str, tags: tuple[str, ...]) -> str:
    where = "/".join(f"{{{{ $labels.{tag} }}}}" for tag in tags)
    return f"{title}: {where}" if where else title
