"""Which field types central has refused: a field that has another type there already. Pure.

Central answers such points with 422, Telegraf drops them and goes on, and neither tells the collector. So what was
sent is compared, once by field and type, with the types that central has in the same span of time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.status import FieldTypes

MAX_KNOWN = 50_000
"""Fields with their types that are remembered; beyond that no new ones are looked at."""
TRIES = 3
"""How often central is asked about a field that it has nothing of; then it waits until it is read again."""

Span = tuple[int, int]
Key = tuple[str, bytes, bytes, FieldType]
"""A stream's label, a measurement, a field and its type at the source."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field of `stream` that is of `source_type` at the source and of `central_type` in central."""

    stream: StreamDefinition
    measurement: bytes
    field: bytes
    source_type: FieldType
    central_type: FieldType


@dataclass(slots=True)
class _Pending:
    stream: StreamDefinition
    span: Span
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask central about: `fields` (measurement, field) of one stream in one span."""

    stream: StreamDefinition
    span: Span
    fields: frozenset[tuple[bytes, bytes]]


class TypeWatch:
    """Remembers what was sent, says what to ask central about, and judges its answers."""

    def __init__(self) -> None:
        self.conflicts: dict[Key, Conflict] = {}
        self._pending: dict[Key, _Pending] = {}
        self._arrived: set[Key] = set()

    def note(self, stream: StreamDefinition, types: FieldTypes) -> None:
        """Take note of the field types that were sent for `stream`."""
        for (measurement, field, kind), span in types.items():
            key = (stream.label, measurement, field, kind)
            known = key in self._arrived or key in self.conflicts or key in self._pending
            if not known and len(self._arrived) + len(self._pending) < MAX_KNOWN:
                self._pending[key] = _Pending(stream, span)

    def forget(self) -> None:
        """Look at everything anew: in a new shard group another type may have come first."""
        self._arrived.clear()
        self.conflicts.clear()

    def question(self, most: int) -> Question | None:
        """Return what to ask next, `most` fields at the most; None when nothing is open."""
        first = next(iter(self._pending.values()), None)
        if first is None:
            return None
        same = (
            (measurement, field)
            for (_, measurement, field, _), pending in self._pending.items()
            if pending.stream is first.stream and pending.span == first.span
        )
        return Question(first.stream, first.span, frozenset(islice(same, most)))

    def answer(self, question: Question, found: Iterable[tuple[bytes, bytes, FieldType]]) -> list[Conflict]:
        """Take what central has of the question's fields, and return the conflicts that this shows."""
        types: dict[tuple[bytes, bytes], set[FieldType]] = {}
        for measurement, field, kind in found:
            types.setdefault((measurement, field), set()).add(kind)
        fresh = []
        for key, pending in list(self._pending.items()):
            _, measurement, field, kind = key
            asked = (measurement, field) in question.fields and pending.stream is question.stream
            if not asked or pending.span != question.span:
                continue
            there = types.get((measurement, field), set())
            pending.tries += 1
            if kind in there:
                self._arrived.add(key)
            elif there:
                other = min(there, key=lambda found_type: found_type.value)
                fresh.append(Conflict(pending.stream, measurement, field, kind, other))
                self.conflicts[key] = fresh[-1]
            if there or pending.tries >= TRIES:
                del self._pending[key]
            else:  # last in line, so that the others have their turn
                self._pending[key] = self._pending.pop(key)
        return fresh
