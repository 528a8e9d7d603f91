"""InfluxQL for what steers the copying of an InfluxDB 1.x: counts, one row at either end, types. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telegraf_plugin.influxdb.influxql import Place, UnspeakableName, at_source, identifier, readable, selected
from telegraf_plugin.influxdb.layouts import Layout
from telegraf_plugin.stream import names
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.spans import Span

MAX_NAMED_FIELDS = 50
"""Fields that one statement names."""


def count_statement(place: Place, measurement: str, stream: StreamDefinition, span: Span) -> str:
    """Return the statement for how many points each field of `measurement` has in `span`, a column a field."""
    return f"SELECT count(*::field) {_readable(place, measurement, stream, span)}"


def last_statement(place: Place, measurement: str, stream: StreamDefinition, span: Span) -> str:
    """Return the statement for the newest value of each field of `measurement` in `span`, a column a field."""
    return f"SELECT last(*::field) {_readable(place, measurement, stream, span)}"


def end_statements(
    place: Place, measurement: str, layout: Layout, stream: StreamDefinition, span: Span, newest: bool
) -> Iterator[str]:
    """Yield statements of which each returns the first row in `span`, or the newest, of some of the fields.

    All of them together look at each field that the stream takes, in all its types: over several shard groups
    InfluxQL shows a field's values of one type only.
    """
    end = f"{_readable(place, measurement, stream, span)} ORDER BY time {'DESC' if newest else 'ASC'} LIMIT 1"
    fields = list(_fields(layout, stream))
    if not fields:
        return
    if (not stream.exclude_fields and not layout.several) or any(field is None for field in fields):
        yield f"SELECT *::field {end}"
        return
    for at in range(0, len(fields), MAX_NAMED_FIELDS):
        yield f"SELECT {', '.join(str(field) for field in fields[at : at + MAX_NAMED_FIELDS])} {end}"


def marks_statement(place: Place, stream: StreamDefinition, time_ns: int) -> str:
    """Return the statement for the runs whose marks of the stream the source holds, made at `time_ns` (Unix ns)."""
    whose = (((("source", (stream.source,)),),), ((("stream", (stream.name,)),),))
    return f'SELECT "incarnation"::field {selected(place, names.LEDGER, whose, (time_ns, time_ns + 1))}'


def _readable(place: Place, measurement: str, stream: StreamDefinition, span: Span) -> str:
    """Return the clauses for what of `measurement` is read: not the series of which central could not be asked."""
    return readable(place, measurement, at_source(stream).conditions, span)


def _fields(layout: Layout, stream: StreamDefinition) -> Iterable[str | None]:
    """Yield each field with its type as a statement names it; None for one that cannot be named."""
    without = frozenset(field.encode() for field in stream.exclude_fields)
    for field, kind in layout.types.items():
        if field in without:
            continue
        for each in sorted(layout.several.get(field, (kind,)), key=lambda kind: kind.value):
            try:
                yield f"{identifier(field.decode())}::{each.value}"
            except (UnspeakableName, UnicodeDecodeError):
                yield None
