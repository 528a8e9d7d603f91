"""Stream definitions to Flux. Names become string literals, escaped byte by byte, so that no name can be code. Pure.

https://docs.influxdata.com/flux/v0/spec/lexical-elements/#string-literals : a literal has escapes for bytes (`\\x24`),
which keeps `${` from being read as an expression.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.stream.block import Tags
from telegraf_plugin.stream.definition import StreamDefinition, UnreadableSeries
from telegraf_plugin.stream.names import LEDGER, OWN
from telegraf_plugin.stream.units import SECOND

MAX_NAMED_FIELDS = 50
"""Fields that one query names; where there are more it looks at all of them."""

EARLIEST = -9_223_372_036 * SECOND
"""The oldest whole second (Unix ns) that InfluxDB can hold."""
LATEST = 9_223_372_036 * SECOND
"""The newest: `range` ends at the server's now unless it is told where."""

ONE_ROW_BYTES = 64 * 1024
"""What a reply of one row, as of a count, can take at most; they take some 300 bytes."""

_NUMERIC = " or ".join(f'types.isType(v: r._value, type: "{kind}")' for kind in ("float", "int", "uint"))
"""`types.isNumeric(v: r._value)`, which Flux has three versions of InfluxDB later than `types` (docs/engines.md)."""
_LITERAL = re.compile(rb"[^A-Za-z0-9 _.,:;/()<>=+*@%-]")


@dataclass(frozen=True, slots=True)
class Query:
    """Flux, and the values for its parameters, which travel beside the text and never in it.

    `most`: how many bytes its answer can take; None for what is read piece by piece, however much it is.
    """

    text: str
    parameters: Mapping[str, str | datetime]
    most: int | None = None


def extern(parameters: Mapping[str, str | datetime]) -> dict[str, object]:
    """Return the file of Flux, as its syntax tree, that gives each of the parameters its value.

    `extern` of `POST /api/v2/query`, in the form that Flux's own parser gives (flux/ast).
    """
    literals = {
        name: {"type": "StringLiteral", "value": value}
        if isinstance(value, str)
        else {"type": "DateTimeLiteral", "value": f"{value:%Y-%m-%dT%H:%M:%S.%f}000Z"}
        for name, value in parameters.items()
    }
    body = [
        {
            "type": "OptionStatement",
            "assignment": {
                "type": "VariableAssignment",
                "id": {"type": "Identifier", "name": name},
                "init": literal,
            },
        }
        for name, literal in literals.items()
    ]
    return {"imports": [], "body": body}


def stream_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query for the points of `stream` in [start, stop), both Unix ns and whole microseconds."""
    if stream.flux is not None:
        return Query(stream.flux, {"bucket": stream.bucket, "start": _datetime(start), "stop": _datetime(stop)})
    # The collector's own measurements are asked for too: what is refused is counted and named.
    return build(_pipeline(stream, start, stop, refused=()))


def probe_query(stream: StreamDefinition, now: int) -> Query:
    """Return a query that costs nothing and shows whether the stream's bucket can be read at `now` (Unix ns)."""
    return build([*from_range(stream.bucket, now - SECOND, now), "limit(n: 1)"])


def series_query(stream: StreamDefinition, start: int, stop: int, series: tuple[bytes, Tags, bytes]) -> Query:
    """Return the query for one series and field of `stream` in [start, stop); series with further tags match too.

    `series` is a measurement, the source's own tags, and a field.
    """
    measurement, tags, field = series
    names = [("_measurement", measurement), ("_field", field), *((key.decode(), value) for key, value in tags)]
    lines = _pipeline(stream, start, stop)
    lines += [f"filter(fn: (r) => {any_of(key, (value.decode(),))})" for key, value in names]
    return build(lines)


def lossy_names_query(stream: StreamDefinition, start: int, stop: int, column: bytes) -> Query:
    """Return the query for a point of each series in [start, stop) whose name in `column` has a carriage return."""
    name = f"r[{string_literal(column.decode())}]"
    lines = _pipeline(stream, start, stop)
    lines += [f'filter(fn: (r) => exists {name} and strings.containsStr(v: {name}, substr: "\\r"))', "limit(n: 1)"]
    return build(lines)


def carriage_return_query(
    stream: StreamDefinition, start: int, stop: int, fields: Collection[tuple[bytes, bytes]]
) -> Query:
    """Return the query for those points of `stream` in [start, stop) whose string has a carriage return.

    InfluxDB's CSV leaves it out or cannot be told from a newline's, so these are asked for with backslash and carriage
    return escaped (`Decoder(escaped=True)`). `fields` are the measurements and fields to look at; many are not named.
    """
    return build([*_pipeline(stream, start, stop), *with_carriage_returns(fields)])


def with_carriage_returns(fields: Collection[tuple[bytes, bytes]]) -> list[str]:
    """Return the steps that leave the strings with a carriage return, escaped, of the `fields` named."""
    return [
        *([_named(fields)] if len(fields) <= MAX_NAMED_FIELDS else []),
        'filter(fn: (r) => types.isType(v: r._value, type: "string"))',
        'filter(fn: (r) => strings.containsStr(v: r._value, substr: "\\r"))',
        r"""map(fn: (r) => ({r with _value: strings.replaceAll("""
        r"""v: strings.replaceAll(v: r._value, t: "\\", u: "\\\\"), t: "\r", u: "\\r")}))""",
    ]


def count_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query for how many points `stream` selects in [start, stop), before any aggregate."""
    return build([*_selected(stream, start, stop), "group()", "count()"], ONE_ROW_BYTES)


def marks_query(stream: StreamDefinition, incarnation: str, start: int, stop: int) -> Query:
    """Return the query for how many marks of the run `incarnation`, of `stream`, the stream's own source holds.

    `start` and `stop`: when they were made, Unix ns.
    """
    names = [("_measurement", LEDGER), ("source", stream.source), ("stream", stream.name)]
    lines = [f"filter(fn: (r) => {any_of(key, (value,))})" for key, value in [*names, ("_field", "incarnation")]]
    lines.append(f"filter(fn: (r) => r._value == {string_literal(incarnation)})")
    return build([*from_range(stream.bucket, start, stop), *lines, "group()", "count()"])


def exists_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query for the time of any point of `stream` in [start, stop), before any aggregate.

    It reads a block a series, however long the span is.
    """
    one = ["first()", 'keep(columns: ["_time"])', "group()", "limit(n: 1)"]
    return build([*_selected(stream, start, stop), *one])


def first_query(stream: StreamDefinition, stop: int) -> Query:
    """Return the query for the time of the stream's first point before `stop`."""
    newest_first = ["first()", 'keep(columns: ["_time"])', "group()", 'sort(columns: ["_time"])', "limit(n: 1)"]
    return build([*_selected(stream, EARLIEST, stop), *newest_first], ONE_ROW_BYTES)


def _named(fields: Collection[tuple[bytes, bytes]]) -> str:
    """Return the filter for measurements and fields by name."""
    pairs = [(string_literal(m.decode()), string_literal(f.decode())) for m, f in sorted(fields)]
    return "filter(fn: (r) => " + " or ".join(f"r._measurement == {m} and r._field == {f}" for m, f in pairs) + ")"


def build(lines: list[str], most: int | None = None) -> Query:
    """Return the query whose pipeline has these steps, with what it imports; `most`: bytes that its answer can take."""
    text = "\n  |> ".join(lines)
    imports = [f'import "{package}"\n' for package in ("strings", "types") if f"{package}." in text]
    return Query("".join(imports) + text, {}, most)


def together(queries: Sequence[Query], most: int | None = None) -> Query:
    """Return one query for `queries`, which have no parameters; in its reply the result of each has its place's number.

    `most`: bytes that its answer can take, None for what is read piece by piece.
    """
    imports: dict[str, None] = {}
    pipelines = []
    for number, query in enumerate(queries):
        text = query.text
        while text.startswith("import "):
            line, _, text = text.partition("\n")
            imports[line] = None
        pipelines.append(f'{text}\n  |> yield(name: "{number}")\n')
    return Query("".join(f"{line}\n" for line in imports) + "".join(pipelines), {}, most)


def from_range(bucket: str, start: int, stop: int) -> list[str]:
    """Return a pipeline's first steps: all of `bucket` in [start, stop)."""
    range_ = f"range(start: {format_time(start)}, stop: {format_time(stop)})"
    return [f"from(bucket: {string_literal(bucket)})", range_]


def _selected(stream: StreamDefinition, start: int, stop: int, refused: Collection[str] = OWN) -> list[str]:
    lines = from_range(stream.bucket, start, stop)
    lines += [f"filter(fn: (r) => {predicate})" for predicate in predicates(stream, refused)]
    return lines


def _pipeline(stream: StreamDefinition, start: int, stop: int, refused: Collection[str] = OWN) -> list[str]:
    lines = _selected(stream, start, stop, refused)
    if stream.aggregate is not None:
        if stream.aggregate.fn.numeric:
            lines.append(f"filter(fn: (r) => {_NUMERIC})")
        window = f"every: {stream.aggregate.every}ns, fn: {stream.aggregate.fn.value}"
        lines.append(f'aggregateWindow({window}, createEmpty: false, timeSrc: "_start")')
    return lines


def predicates(stream: StreamDefinition, refused: Collection[str] = OWN) -> list[str]:
    """What the stream filters by, in forms that InfluxDB's storage evaluates itself."""
    own = [*series_predicates(stream, refused), *(any_of(key, values) for key, values in stream.tags)]
    return own + [_but(series) for series in stream.unreadable]


def _but(series: UnreadableSeries) -> str:
    """Return the predicate of all series but `series`."""
    names = [("_measurement", series.measurement), *(series.tags or ())]
    differs = [f"r[{string_literal(key)}] != {string_literal(value)}" for key, value in names]
    return " or ".join(differs + [f"exists r[{string_literal(key)}]" for key in series.others])


def series_predicates(stream: StreamDefinition, refused: Collection[str] = OWN) -> list[str]:
    """What the stream filters measurements and fields by; `refused` measurements are never among them."""
    predicates = [any_of("_measurement", stream.measurements)] if stream.measurements else []
    refused = [name for name in refused if not stream.measurements or name in stream.measurements]
    if refused:
        predicates.append(" and ".join(f"r._measurement != {string_literal(name)}" for name in refused))
    if stream.exclude_fields:
        predicates.append(" and ".join(f"r._field != {string_literal(field)}" for field in stream.exclude_fields))
    return predicates


def any_of(column: str, values: tuple[str, ...]) -> str:
    """Return the predicate that `column` has one of `values`."""
    return " or ".join(f"r[{string_literal(column)}] == {string_literal(value)}" for value in values)


def string_literal(text: str) -> str:
    """Return `text` as a Flux string literal that means exactly it."""
    escaped = _LITERAL.sub(lambda match: b"\\x%02x" % match.group()[0], text.encode())
    return f'"{escaped.decode("ascii")}"'


def _datetime(time_ns: int) -> datetime:
    """Return `time_ns` as the client hands times over. Raises ValueError when it would lose nanoseconds."""
    microseconds, lost = divmod(time_ns, 1000)
    if lost:
        raise ValueError(f"{time_ns} ns is not a whole microsecond")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
