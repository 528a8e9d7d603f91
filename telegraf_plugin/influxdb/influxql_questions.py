"""The small questions about a bucket, in InfluxQL: how many points, when the first one is, of which types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.answers import FieldTypes
from telegraf_plugin.influxdb.bundle import answers
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import (
    Selection,
    counts_statement,
    first_statement,
    grouped_statement,
    mark_statement,
    measurements_statement,
    prefix_of,
    probe_statement,
)
from telegraf_plugin.influxdb.layouts import Layouts, Whereabouts, unspeakable
from telegraf_plugin.influxdb.messagepack import MAX_FIELDS, LongRow, Rows
from telegraf_plugin.influxdb.statements import Foreseen
from telegraf_plugin.influxdb.wide_rows import type_of_value
from telegraf_plugin.stream.block import FieldType, Tags
from telegraf_plugin.stream.definition import AggregateFunction, StreamDefinition
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.selection import Selected
from telegraf_plugin.stream.spans import Span

MAX_STATEMENTS = 100
"""Measurements that one request asks about."""
ADDED = (MetadataTag.SOURCE.value, MetadataTag.SOURCE_BUCKET.value)
"""Tags by which the points of streams that choose by nothing else are told apart in central."""
_COUNT = prefix_of(AggregateFunction.COUNT)
_AGAIN = "it is asked again; when it stays, look at the server's log, and at proxies on the way"


class Unanswerable(Exception):
    """InfluxQL would answer otherwise than Flux of a `measurement`, for the reason given."""

    def __init__(self, measurement: str, reason: str) -> None:
        super().__init__(reason)
        self.measurement = measurement


class Questions:
    """Asks about `chosen`, as long as it is found `where` it is.

    Raises SourceError; Unanswerable and UnspeakableName where Flux has to be asked.
    """

    def __init__(self, client: QueryClient, layouts: Layouts, where: Whereabouts, chosen: Selection) -> None:
        self._client, self._layouts, self._where, self._chosen = client, layouts, where, chosen

    def count(self, span: Span) -> int:
        """Return how many points there are in `span`, which may be years."""
        return sum(self.counts(span).values())

    def foreseen_counts(self, spans: Iterable[Span]) -> Iterator[Foreseen]:
        """Yield what `count` is about to ask of each of `spans`, as far as is known which measurements there are."""
        place, conditions = self._where.place, self._chosen.conditions
        named, tags = self._chosen.measurements, added(conditions)
        names = named or tuple(name.decode() for name in self._layouts.last_names(place))
        asked = [name for name in dict.fromkeys(names) if not (is_own(name.encode()) or unspeakable(name))]
        for span in spans:
            if not named:
                yield Foreseen(place, measurements_statement(place))
            for name in asked:
                whole = grouped_statement(place, name, ADDED, span) if tags else ""
                yield Foreseen(place, counts_statement(place, name, conditions, span), whole, tags)

    def counts(self, span: Span) -> dict[str, int]:
        """Return how many points of each measurement there are in `span`, those without any left out."""
        counts: dict[str, int] = {}
        for (measurement, _), points in self._by_field(span).items():
            name = measurement.decode()
            counts[name] = counts.get(name, 0) + points
        return counts

    def exists(self, span: Span) -> bool:
        """Say whether there is a point in `span`, which may be years."""
        return self.first(span, any_of_them=True) is not None

    def first(self, span: Span, any_of_them: bool = False) -> int | None:
        """Return when (Unix ns) the first point in `span` is, or any measurement's first; None for no point."""
        first: int | None = None
        for names in _parts(self._names()):
            fields: dict[str, list[str]] = {}
            # A field, or a type of one, that is new since the layout was asked for must not be missed.
            found = self._layouts.renewed(self._where, self._chosen.bucket, names)
            for name in names:
                if found[name].several:  # over several shard groups a field's values of one type are shown, no others
                    raise Unanswerable(name, "a field of it has more than one type")
            if self._chosen.without:
                for name in names:
                    taken = found[name].types.keys() - self._chosen.without
                    if len(taken) >= MAX_FIELDS or (found[name].unfit and not found[name].types):
                        raise Unanswerable(name, found[name].unfit or "it has too many fields")
                    if not taken:
                        continue
                    fields[name] = sorted(_text(field, name) for field in taken)
                names = list(fields)
            asked = (self._where.place, self._chosen.conditions)
            statements = [first_statement(asked[0], name, asked[1], span, fields.get(name, ())) for name in names]
            for rows in self._rows(statements):
                for row in rows.rows:
                    if type(row[0]) is not int:
                        raise BadReply("the reply has a row without a time", _AGAIN)
                    first = row[0] if first is None else min(first, row[0])
                    if any_of_them:
                        return first
        return first

    def types(self, span: Span) -> FieldTypes:
        """Return the type of each field that has a point in `span`, which crosses no shard group's end."""
        there: dict[str, list[bytes]] = {}
        for measurement, field in self._by_field(span):
            there.setdefault(measurement.decode(), []).append(field)
        found: FieldTypes = {}
        for names in _parts(list(there)):
            layouts = self._layouts.renewed(self._where, self._chosen.bucket, names)
            for name in names:
                for field in there[name]:
                    several = layouts[name].several.get(field)
                    kind = self._type(name, field, several, span) if several else layouts[name].types.get(field)
                    if kind is None:
                        raise Unanswerable(name, "the type of a field of it is not told")
                    found[name.encode(), field] = kind.value
        return found

    def _type(self, measurement: str, field: bytes, several: frozenset[FieldType], span: Span) -> FieldType | None:
        """Return which of several types a field has in `span`, by one of its values; None where that does not tell."""
        place, conditions = self._where.place, self._chosen.conditions
        for rows in self._rows([first_statement(place, measurement, conditions, span, [_text(field, measurement)])]):
            for row in rows.rows:
                return type_of_value(row[1], several)
        return None

    def has_mark(self, stream: StreamDefinition, mark: MarkId) -> bool:
        """Say whether `mark` of `stream` is there."""
        found = self._rows([mark_statement(self._where.place, stream, mark)])
        return any(_number(row[1]) for rows in found for row in rows.rows)

    def probe(self) -> None:
        """Have the server answer for the bucket."""
        for _ in self._rows([probe_statement(self._where.place)]):
            pass

    def _by_field(self, span: Span) -> dict[tuple[bytes, bytes], int]:
        """Return how many points there are in `span`, by measurement and field; those without any are left out."""
        counts: dict[tuple[bytes, bytes], int] = {}
        place, conditions = self._where.place, self._chosen.conditions
        for names in _parts(self._names()):
            for rows in self._rows([counts_statement(place, name, conditions, span) for name in names]):
                for row in rows.rows:
                    for column, number in zip(rows.columns[1:], row[1:], strict=True):
                        field = column.removeprefix(_COUNT)
                        if number and field not in self._chosen.without:
                            key = rows.measurement, field
                            counts[key] = counts.get(key, 0) + _number(number)
        return counts

    def _names(self) -> list[str]:
        """Return the measurements that are asked for; never the collector's own."""
        try:
            named = self._chosen.measurements
            names = named or [name.decode() for name in self._layouts.names(self._where.place)]
        except UnicodeDecodeError:
            raise Unanswerable(self._chosen.bucket, "a measurement's name is not UTF-8") from None
        names = [name for name in dict.fromkeys(names) if not is_own(name.encode())]
        for name in names:
            if reason := unspeakable(name):
                raise Unanswerable(name, reason)
        return names

    def _rows(self, statements: Sequence[str]) -> Iterator[Rows]:
        if not statements:
            return
        try:
            for found in answers(self._client, self._where.place, statements):
                yield from found
        except LongRow as long:
            raise Unanswerable(long.measurement.decode("utf-8", "replace"), "a row of it is too long") from None


def added(conditions: Sequence[Selected]) -> Tags:
    """Return the tags that points are chosen by where those are among ADDED, each with one value; else none."""
    tags: dict[bytes, bytes] = {}
    for alternatives in conditions:
        if len(alternatives) != 1 or len(alternatives[0]) != 1:
            return ()
        ((key, values),) = alternatives[0]
        if key not in ADDED or values is None or len(values) != 1:
            return ()
        tags[key.encode()] = values[0].encode()
    return tuple(tags.items())


def _parts(names: Sequence[str]) -> Iterator[list[str]]:
    for at in range(0, len(names), MAX_STATEMENTS):
        yield list(names[at : at + MAX_STATEMENTS])


def _text(field: bytes, measurement: str) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        raise Unanswerable(measurement, "a field's name is not UTF-8") from None


def _number(value: object) -> int:
    """Return the number, zero or more, that a count is; there is none where there are no points."""
    if value is None:
        return 0
    if type(value) is not int or value < 0:
        raise BadReply("the reply is not a number of points", _AGAIN)
    return value
