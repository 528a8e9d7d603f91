"""Where the panels stand. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lab.monitoring.panel import Kind, Panel
from lab.monitoring.panels import PANELS

TITLE = "Data Collector"
WIDTH = 12


@dataclass(frozen=True)
class Place:
    """Where a panel stands, in twelfths and rows."""

    panel: Panel
    x: int
    y: int
    height: int


def places() -> list[Place]:
    """The panels from left to right and top to bottom."""
    found, x, y, row = [], 0, 0, 0
    for panel in PANELS:
        if x + panel.width > WIDTH:
            x, y = 0, y + row
            row = 0
        height = 2 if panel.kind is Kind.STAT else 3
        found.append(Place(panel, x, y, height))
        x, row = x + panel.width, max(row, height)
    return found
