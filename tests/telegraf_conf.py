"""What tests make of the shipped telegraf.conf."""

from __future__ import annotations

import re


def with_prometheus(conf: str) -> str:
    """telegraf.conf with its block for Prometheus: the first "# " of each line is taken away, as it says."""
    head, block = conf.split("\n# [[outputs.prometheus_client]]\n")
    return f"{head}\n[[outputs.prometheus_client]]\n" + re.sub("^# ", "", block, flags=re.MULTILINE)
