"""All questions to one InfluxDB 1.x by InfluxQL, which each of its versions answers; Flux for what is computed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.answers import FieldTypes
from telegraf_plugin.influxdb.flux import EARLIEST
from telegraf_plugin.influxdb.influxql import UnspeakableName
from telegraf_plugin.influxdb.layouts import Layout, Layouts, Unmapped, Whereabouts
from telegraf_plugin.influxdb.messagepack import Reply, Rows
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.v1_client import V1Client
from telegraf_plugin.influxdb.v1_passage import V1Passage
from telegraf_plugin.influxdb.v1_statements import count_statement, end_statements, last_statement, marks_statement
from telegraf_plugin.influxdb.wide_blocks import MAX_STATEMENTS, Unfit
from telegraf_plugin.influxdb.wide_rows import TYPES
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition, UnreadableSeries
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally

log = logging.getLogger(__name__)

LEAVE_OUT = "rename it at the source, or read it by Flux (read: flux; InfluxDB 1.11 or newer)"
"""What to do about a measurement that InfluxQL does not read."""


class V1SourceReader(SourceReader):
    """Reads one InfluxDB 1.x. Safe to use from several threads. Everything raises SourceError.

    What is computed (`aggregate`, `flux`) is asked for in Flux. A measurement that InfluxQL cannot read is left out, of
    counts as well, and the log says so once: a later version reads it with `read: flux`.
    """

    def __init__(self, client: V1Client) -> None:
        super().__init__(client, ReadWay.INFLUXQL)
        self._layouts = Layouts(client, alone=True)
        self._unfit: dict[str, dict[str, str]] = {}  # by a stream's label: measurements, found when read, and why
        self._left_out: set[tuple[str, str]] = set()  # by a stream's label: measurements of which the log has told

    def blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
        """Yield what of `span` can pass, as `Passage.blocks` does; `tally` counts."""
        before = tally.points
        try:
            if stream.computed:
                yield from self._by_flux(stream, span, tally)
                return
            where, layouts = self._whereabouts(stream, span)
            unfit = {name: layout.unfit for name, layout in layouts.items() if layout.unfit}
            fit = {name: layout for name, layout in layouts.items() if not layout.unfit}

            def renewed(name: str) -> Layout:
                return self._layouts.renewed(where, stream.bucket, [name])[name]

            passage = V1Passage(self.client, where.place, stream, span, fit, renewed, tally)
            try:
                yield from passage.blocks()
            except Unfit as wrong:
                self._unfit.setdefault(stream.label, {})[wrong.measurement] = wrong.reason
                raise TransientError(f"{wrong} (InfluxQL)", "it is read again, without that measurement") from None
            self._unfit.setdefault(stream.label, {}).update(passage.unfit)
            unfit |= passage.unfit
            self._leave_out(stream, unfit)
        finally:
            self.values += tally.points - before

    def _leave_out(self, stream: StreamDefinition, unfit: dict[str, str]) -> None:
        """Say once in the log which measurements are not read, and why."""
        for name, why in unfit.items():
            if (stream.label, name) not in self._left_out:
                self._left_out.add((stream.label, name))
                log.warning("%s: measurement %s is left out: %s; %s", stream.label, ascii(name)[1:-1], why, LEAVE_OUT)

    def count(self, stream: StreamDefinition, span: Span) -> int:
        """Return how many points `stream` selects in `span`, before any aggregate."""
        return sum(self.measurements(stream, span).values())

    def measurements(self, stream: StreamDefinition, span: Span) -> dict[str, int]:
        """Return how many points of each measurement `stream` selects in `span`, before any aggregate."""
        where, layouts = self._whereabouts(stream, span)
        without = {f"count_{field}".encode() for field in stream.exclude_fields}
        statements = [count_statement(where.place, name, stream, span) for name in _readable(layouts)]
        counts: Counter[str] = Counter()
        for found in self._ask(where, statements):
            for row in found.rows:
                points = (value for field, value in zip(found.columns, row, strict=True) if field not in without)
                next(points)  # the time
                counts[found.measurement.decode()] += sum(value for value in points if type(value) is int)
        return {name: points for name, points in counts.items() if points}

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        """Say whether `stream` may have a point in `span`, which may be years; of a Flux query it always may."""
        return stream.flux is not None or self._end(stream, span, newest=True) is not None

    def newest(self, stream: StreamDefinition, start: int, stop: int) -> int | None:
        """Return the time (Unix ns) of the newest point in [start, stop), None when there is none."""
        return self._end(stream, (start, stop), newest=True) if stream.flux is None else stop - 1

    def first(self, stream: StreamDefinition, stop: int) -> int | None:
        """Return where (Unix ns) the first window of `stream` before `stop` begins, None when it has no point."""
        found = self._end(stream, (EARLIEST, stop), newest=False)
        return found - found % stream.unit if found is not None else None

    def types(self, stream: StreamDefinition, span: Span) -> FieldTypes:
        """Return the type of each field that `stream` has in `span`, which crosses no shard group's end."""
        where, layouts = self._whereabouts(stream, span)
        types: FieldTypes = {}
        statements = [last_statement(where.place, name, stream, span) for name in _readable(layouts)]
        for found in self._ask(where, statements):
            told = layouts[found.measurement.decode()].types
            for column, value in zip(found.columns[1:], found.rows[0][1:], strict=True):
                field, shown = column.removeprefix(b"last_"), TYPES.get(type(value))
                if shown is not None and field.decode("utf-8", "replace") not in stream.exclude_fields:
                    unsigned = shown is FieldType.INTEGER and told.get(field) is FieldType.UNSIGNED
                    types[found.measurement, field] = (FieldType.UNSIGNED if unsigned else shown).value
        return types

    def has_mark(self, stream: StreamDefinition, mark: MarkId) -> bool:
        """Say whether the stream's own bucket at the source holds `mark`, which was written to central's."""
        where = self._place(stream)
        try:
            statement = marks_statement(where.place, stream, mark.time)
        except UnspeakableName:
            return False  # not to be asked; by Flux it would be
        found = self._ask(where, [statement])
        return any(mark.incarnation.encode() in row for rows in found for row in rows.rows)

    def probe(self, stream: StreamDefinition, now: int) -> None:
        """Have the source answer for the stream's bucket at `now` (Unix ns), where there is nothing to be read."""
        self.client.bucket(stream.bucket)
        if stream.computed:
            super().probe(stream, now)

    def readable(self, stream: StreamDefinition) -> StreamDefinition:
        """Return `stream`: no series breaks a question in InfluxQL."""
        return stream

    def unreadable(self, stream: StreamDefinition) -> tuple[UnreadableSeries, ...]:
        """Return none, for the same reason."""
        return ()

    def left_out(self, stream: StreamDefinition, span: Span) -> dict[str, tuple[str, str]]:
        """Return the measurements of `stream` that InfluxQL does not read, each with the reason and what to do."""
        layouts = self._whereabouts(stream, span)[1]
        return {name: (layout.unfit, LEAVE_OUT) for name, layout in layouts.items() if layout.unfit}

    def _place(self, stream: StreamDefinition) -> Whereabouts:
        try:
            return self._layouts.place(stream.bucket)
        except Unmapped as unmapped:
            if isinstance(unmapped.__cause__, SourceError):
                raise unmapped.__cause__ from None
            raise PermanentError(str(unmapped), "correct database and retention_policy", 404) from None

    def _whereabouts(self, stream: StreamDefinition, span: Span) -> tuple[Whereabouts, dict[str, Layout]]:
        """Return where the stream's measurements are, and how each looks in `span`."""
        where = self._place(stream)
        names, damaged = list(stream.measurements), {}
        if not names:
            for name in self._layouts.names(where.place):
                try:
                    names.append(name.decode())
                except UnicodeDecodeError:
                    damaged[ascii(name)] = Layout({}, "its name is not UTF-8")
        found = self._layouts.of(where, stream.bucket, tuple(dict.fromkeys(names)), span)
        met = {name: replace(found[name], unfit=why) for name, why in self._met(stream).items() if name in found}
        return where, found | damaged | met

    def _met(self, stream: StreamDefinition) -> dict[str, str]:
        """Return the measurements of `stream` that turned out to be unfit when they were read, and why."""
        return dict(self._unfit.get(stream.label, {}))

    def _end(self, stream: StreamDefinition, span: Span, newest: bool) -> int | None:
        """Return the time of the first point in `span`, or of the newest; None where there is none."""
        where, layouts = self._whereabouts(stream, span)
        statements = [
            statement
            for name in _readable(layouts)
            for statement in end_statements(where.place, name, layouts[name], stream, span, newest)
        ]
        choose = max if newest else min
        return choose((int(rows.rows[0][0]) for rows in self._ask(where, statements)), default=None)

    def _ask(self, where: Whereabouts, statements: Sequence[str]) -> Iterator[Rows]:
        """Yield the rows of the reply to `statements`, some at a time. Raises BadReply."""
        for at in range(0, len(statements), MAX_STATEMENTS):
            some = statements[at : at + MAX_STATEMENTS]
            reply = Reply(len(some))
            for chunk in self.client.rows(where.place, some):
                for found in reply.feed(chunk):
                    if found.columns[:1] != (b"time",) or type(found.rows[0][0]) is not int:
                        raise BadReply("the reply's rows have no time", "it is asked again")
                    yield found
            reply.finish()


def _readable(layouts: dict[str, Layout]) -> list[str]:
    return [name for name, layout in layouts.items() if not layout.unfit and not is_own(name.encode())]
