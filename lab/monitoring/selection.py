"""`Selection`: fields of one measurement of the own metrics as rows, in Flux. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from telegraf_plugin.stream import names

BUCKET = "metrics"
"""INFLUXDB_CENTRAL_BUCKET as shipped; docs/monitoring.md says how to change it in the files."""


READS = "\n  |> filter(fn: (r) => not exists r.role)"


def latest() -> str:
    """The step that keeps the newest row of each table."""
    return 'sort(columns: ["_time"]) |> tail(n: 1)'


def seconds(field: str) -> str:
    """A Flux expression: a field of `r` in whole seconds as text, `?` where the row has none."""
    return f'(if exists r.{field} then string(v: int(v: r.{field} + 0.5)) else "?")'


def fields_of(measurement: str, fields: tuple[str, ...], start: str, stop: str = "") -> str:
    """The points of some fields since `start`, a Flux expression; one table a series and field.

    Of health that of the collectors that read: one that stands by is well whatever becomes of the data.
    """
    until = f", stop: {stop}" if stop else ""
    return (
        f'from(bucket: "{BUCKET}")\n  |> range(start: {start}{until})'
        f'\n  |> filter(fn: (r) => r._measurement == "{measurement}")'
        # Not `_field ==`: a check may have one such comparison, and takes the field's name from it.
        f"\n  |> filter(fn: (r) => r._field =~ /^({'|'.join(fields)})$/)"
        f"{READS if measurement == names.HEALTH else ''}"
    )


@dataclass(frozen=True)
class Selection:
    """The rows of `fields`, a column each, of a measurement: a table for each value of `tags`, cut by `steps`."""

    measurement: str
    fields: tuple[str, ...]
    tags: tuple[str, ...]
    steps: str = ""

    def flux(self, start: str, stop: str = "") -> str:
        """The query since `start`, a Flux expression such as `-5m`."""
        grouped = ", ".join(f'"{name}"' for name in ("_measurement", *self.tags))
        steps = f"\n  |> {self.steps}" if self.steps else ""
        return (
            f"{fields_of(self.measurement, self.fields, start, stop)}"
            '\n  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
            f"\n  |> group(columns: [{grouped}]){steps}"
        )
