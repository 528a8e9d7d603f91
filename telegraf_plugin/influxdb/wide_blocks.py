"""The points of one span as InfluxQL gives them, a row a time, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from telegraf_plugin.influxdb.bundle import answers
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import SHADOWING, Place, Selection, prefix_of, rows_statement
from telegraf_plugin.influxdb.layouts import Layout
from telegraf_plugin.influxdb.messagepack import LongRow, Rows
from telegraf_plugin.influxdb.overwrite_guard import MOST_NAMES
from telegraf_plugin.influxdb.wide_rows import Mistyped, blocks_of
from telegraf_plugin.stream.block import Block, FieldType, pick
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.spans import Span

MAX_STATEMENTS = 100
"""Measurements that one request asks for."""
ALIKE = frozenset(AggregateFunction) - {AggregateFunction.MEAN, AggregateFunction.MEDIAN, AggregateFunction.STDDEV}
"""Functions whose result is the same by both languages, to the bit (decision 0067); sums but of floats."""
NUMERIC = frozenset((FieldType.FLOAT, FieldType.INTEGER, FieldType.UNSIGNED))
_RESERVED = frozenset((b"time", *(name.encode() for name in SHADOWING)))


class Unfit(Exception):
    """A measurement cannot be read by InfluxQL as Flux reads it: found when it was read."""

    def __init__(self, measurement: str, reason: str) -> None:
        super().__init__(f"{measurement}: {reason}")
        self.measurement, self.reason = measurement, reason


@dataclass(slots=True)
class Part:
    """What some rows of one measurement have become, not yielded yet."""

    measurement: bytes
    blocks: list[Block] = field(default_factory=list)
    drops: Drops = field(default_factory=Drops)


class WideBlocks:
    """Reads some measurements of one span, within one shard group, as they are there.

    `unfit`: those that turned out to be Flux's, with the reason, before anything of them was yielded. Raises
    SourceError and Unfit, also half way.
    """

    def __init__(
        self,
        client: QueryClient,
        place: Place,
        chosen: Selection,
        span: Span,
        layouts: Mapping[str, Layout],
        renewed: Callable[[str], Layout],
        aggregate: Aggregate | None = None,
    ) -> None:
        """`layouts`: the measurements to be read; `renewed` asks how one of them looks now.

        `aggregate`: what is read are windows, of a function that is among ALIKE.
        """
        self._client, self._place, self._chosen, self._span = client, place, chosen, span
        self._layouts = {name.encode(): layout for name, layout in layouts.items()}
        self._renewed, self._aggregate = renewed, aggregate
        self.unfit: dict[str, str] = {}
        self._begun: set[bytes] = set()  # measurements of which something was yielded

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """Yield the blocks as `Passage.blocks` does: strings with a carriage return come twice here as well."""
        names = [name.decode() for name in self._layouts]
        try:
            for at in range(0, len(names), MAX_STATEMENTS):
                yield from self._read(names[at : at + MAX_STATEMENTS])
        except LongRow as long:
            raise Unfit(long.measurement.decode("utf-8", "replace"), "a row of it is too long") from None

    def _read(self, names: list[str]) -> Iterator[tuple[list[Block], bool]]:
        conditions = self._chosen.conditions
        asked = conditions, self._span, self._aggregate
        statements = [rows_statement(self._place, name, *asked) for name in names]
        for some in answers(self._client, self._place, statements):
            parts: list[Part] = []
            size = 0
            for found in some:
                try:
                    parts.append(self._of(found))
                except Unfit as unfit:
                    if found.measurement in self._begun:
                        raise
                    self.unfit[unfit.measurement] = unfit.reason
                    parts = [part for part in parts if part.measurement != found.measurement]
                size += len(found.columns) * (2 + len(found.tags))
                if size >= MOST_NAMES:
                    yield from self._passed(parts)
                    parts, size = [], 0
            if parts:
                yield from self._passed(parts)

    def _passed(self, parts: list[Part]) -> Iterator[tuple[list[Block], bool]]:
        """Yield the blocks, and once more, exact, the strings that have a carriage return.

        Flux's CSV leaves those out at first: what is hashed is the same by either way.
        """
        first, exact = [], []
        for part in parts:
            self._begun.add(part.measurement)
            self._take(part)
            for block in part.blocks:
                if block.type is FieldType.STRING and b"\r" in b"".join(block.values):
                    exact.append(pick(block, [at for at, value in enumerate(block.values) if b"\r" in value]))
                    block = replace(block, values=[value.replace(b"\r", b"") for value in block.values])
                first.append(block)
        yield self._mapped(first), False
        if exact:
            yield self._mapped(exact, again=True), True

    def _take(self, part: Part) -> None:
        """Note what is about to be yielded."""

    def _mapped(self, blocks: list[Block], again: bool = False) -> list[Block]:
        """Return the blocks as they are yielded; `again`: of the second, exact reading."""
        return blocks

    def _of(self, found: Rows) -> Part:
        """Return what rows have become. Raises Unfit."""
        name = found.measurement.decode("utf-8", "replace")
        part = Part(found.measurement)
        if name in self.unfit:
            return part
        if self._aggregate is not None:
            prefix = prefix_of(self._aggregate.fn)
            columns = (found.columns[0], *(column.removeprefix(prefix) for column in found.columns[1:]))
            found = replace(found, columns=columns)
        if not _RESERVED.isdisjoint((*found.keys, *found.columns[1:])):
            raise Unfit(name, "it has a tag or a field called like a column of Flux or InfluxQL")
        if not set(found.columns).isdisjoint(found.keys):
            raise Unfit(name, "it has a tag and a field of one name")
        part.blocks, part.drops = self._typed(found, name)
        return part

    def _typed(self, found: Rows, name: str) -> tuple[list[Block], Drops]:
        for attempt in range(2):
            layout = self._layouts.get(found.measurement)
            if layout is None or layout.unfit:
                raise Unfit(name, layout.unfit if layout is not None else "it was not asked for")
            sums = self._aggregate is not None and self._aggregate.fn is AggregateFunction.SUM
            if sums and FieldType.FLOAT in layout.types.values() and self._client.speaks_flux:
                raise Unfit(name, "sums of floats are not added up in the same order")
            drops = Drops()
            types, without = self._expected(layout, found)
            try:
                return blocks_of(found, types, without, drops), drops
            except Mistyped:
                if not attempt:
                    self._layouts[found.measurement] = self._renewed(name)
        raise Unfit(name, "a field of it is not of the type that the server says")

    def _types(self, layout: Layout, found: Rows) -> Mapping[bytes, FieldType]:
        """Return the types of the fields in the rows `found`."""
        return layout.types

    def _expected(self, layout: Layout, found: Rows) -> tuple[Mapping[bytes, FieldType], frozenset[bytes]]:
        """Return the types of the columns, and the fields that are left out."""
        types, without = self._types(layout, found), self._chosen.without
        if self._aggregate is None:
            return types, without
        fn = self._aggregate.fn
        if fn.numeric:  # where InfluxQL takes booleans as well, Flux is not asked for them
            without |= {name for name, kind in types.items() if kind not in NUMERIC}
        of_all = {AggregateFunction.COUNT: FieldType.INTEGER, AggregateFunction.MEAN: FieldType.FLOAT}.get(fn)
        return (types if of_all is None else dict.fromkeys(types, of_all)), without
