"""What a panel is, and the Flux that panels are made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.monitoring.selection import Selection, fields_of, latest
from telegraf_plugin.stream import names


class Kind(StrEnum):
    """How a panel shows its rows."""

    STAT = "stat"
    LINES = "lines"
    TABLE = "table"


@dataclass(frozen=True)
class Panel:
    """One panel: `width` of 12. `columns` are those that its rows have, for a reader and for the test.

    `unit` is Grafana's word (s, percent, short, pps), `when` says what must be there for it to have rows.
    """

    key: str
    title: str
    kind: Kind
    query: str
    columns: tuple[str, ...]
    width: int
    unit: str = "short"
    note: str = ""
    when: str = ""


SINCE, UNTIL = "v.timeRangeStart", "v.timeRangeStop"


def lines(measurement: str, fields: tuple[str, ...], tags: tuple[str, ...], steps: str = "") -> str:
    """Lines of some fields by some tags, the newest value a window."""
    kept = ", ".join(f'"{name}"' for name in ("_field", *tags))
    more = f"\n  |> {steps}" if steps else ""
    return (
        f"{fields_of(measurement, fields, SINCE, UNTIL)}\n  |> toFloat()\n  |> group(columns: [{kept}])"
        f'\n  |> sort(columns: ["_time"]){more}'
        "\n  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)"
    )


def newest(measurement: str, fields: tuple[str, ...], tags: tuple[str, ...], columns: str) -> str:
    """The newest row by some tags, of the columns given as the inside of a Flux record, in one table."""
    rows = Selection(measurement, fields, tags, latest()).flux(SINCE, UNTIL)
    kept = "".join(f"{tag}: r.{tag}, " for tag in tags)
    return f"{rows}\n  |> map(fn: (r) => ({{_time: r._time, {kept}{columns}}}))\n  |> group()"


def float_or(field: str, otherwise: str = "0.0", as_float: bool = True) -> str:
    """The value of a column of `r`, `otherwise` where the row has none."""
    value = f"float(v: r.{field})" if as_float else f"r.{field}"
    return f"if exists r.{field} then {value} else {otherwise}"


def number(field: str) -> str:
    """The newest value of one of the figures of health."""
    return f'{fields_of(names.HEALTH, (field,), SINCE, UNTIL)}\n  |> last()\n  |> keep(columns: ["_time", "_value"])'


COMPLETE = f"""union(tables: [
  {fields_of(names.STREAM, ("left_seconds",), SINCE, UNTIL)}
    |> last() |> map(fn: (r) => ({{r with _now: float(v: int(v: r._time)) / 1000000000.0}})),
  {fields_of(names.ORIGIN, ("origin",), "-10y", UNTIL)}
    |> last() |> map(fn: (r) => ({{r with _value: float(v: r._value) / 1000000000.0, _now: 0.0}})),
])
  |> group(columns: ["source", "stream"])
  |> reduce(
    identity: {{now: 0.0, lacking: 0.0, origin: 0.0}},
    fn: (r, accumulator) => ({{
      now: if r._now > accumulator.now then r._now else accumulator.now,
      lacking: if r._field == "origin" then accumulator.lacking else accumulator.lacking + r._value,
      origin: if r._field == "origin" then r._value else accumulator.origin,
    }}),
  )
  |> filter(fn: (r) => r.origin > 0.0 and r.now > r.origin)
  |> map(fn: (r) => ({{
    _time: time(v: int(v: r.now * 1000000000.0)), source: r.source, stream: r.stream, _field: "complete",
    _value: 100.0 * (1.0 - r.lacking / (r.now - r.origin)),
  }}))
  |> group(columns: ["source", "stream"])"""
"""Of the time since where a stream begins, the share that is not left to copy.

What is set aside is part of `left`, unless it was proved before.
"""
