"""The files in monitoring/, by name, as the list says they are."""

from __future__ import annotations

import json
from typing import Any

import yaml

from lab.engines import REPOSITORY
from lab.monitoring import grafana, influxdb, prometheus

FOLDER = REPOSITORY / "monitoring"
_HEAD = "# Made by `make monitoring` from lab/monitoring: changes here are lost. docs/monitoring.md explains it.\n"


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as lines, and nothing twice by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        """No `&id001`: each file is read by people."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(document: Any) -> str:
    return _HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=200, allow_unicode=True)


FILES = {
    "influxdb/data-collector.json": json.dumps(influxdb.template(), indent=2) + "\n",
    "grafana/dashboards/data-collector.json": json.dumps(grafana.dashboard(), indent=2) + "\n",
    "grafana/provisioning/dashboards/data-collector.yaml": _yaml(grafana.provider()),
    "grafana/provisioning/datasources/data-collector.yaml": _yaml(grafana.source()),
    "grafana/provisioning/alerting/data-collector.yaml": _yaml(grafana.rules()),
    "prometheus/data-collector.rules.yml": _yaml(prometheus.rules()),
}
"""What each file in monitoring/ holds."""
