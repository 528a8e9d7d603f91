"""What central goes on lacking: held by measurement, field and type, and by time, so that the rest goes on. Pure.

A hold says nothing of other times, and stops nothing from being sent: it names what a proof leaves out. Only what has
settled is held. Whether central refuses it, or merely differs, is said on evidence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.ration import EVERYTHING, NOTHING_SENT, Ration
from telegraf_plugin.stream.spans import END, NOTHING, Span, Spans, span
from telegraf_plugin.stream.units import SECOND

LOOKS = Backoff(30 * SECOND, 3600 * SECOND)
"""After how long (ns) central is tried with held points again, a round of all pieces at a time."""
PAUSE = 5 * SECOND
"""How long (ns) a piece of a round is after the one before at least: what is held is the last thing to be done."""
PIECE = 3600 * SECOND
"""How much of a held span is tried at a time (ns): the newest first, then what is older."""
MAX_IN_VAIN = 20
"""Tries in a row of which nothing landed, after which it is no single bad line: all of it is tried later."""
MAX_PARTS = 50
"""Spans in which one field key is held; of more those that lie closest become one."""
MAX_COUNTS = 200
"""Places of one field key of which is known how many points are missing; of more the oldest become one."""
NOT_LOOKED_AT, BEFORE_START = "it was not looked at yet", "it was held before the last start"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why central lacks points: `refused` where its type there says so; else `text` says what differs."""

    refused: bool
    text: str


@dataclass(frozen=True, slots=True)
class HeldPoints:
    """Points of one measurement, field and type of a stream that central refuses, and why."""

    stream: StreamDefinition
    field_key: FieldKey
    points: int
    reason: str


@dataclass(slots=True)
class Hold:
    """One field key, and `spans` in which central lacks points of it; `counts`: how many, by their begin (Unix ns).

    `reason`: why, as far as is known; `explained`: that was looked at in this round. `look_at`: when (ns of the steady
    clock) the next piece is tried, the one before `turn`; `looks`: which round's wait ends then. `trying`: the piece
    that was sent again, with the mark behind it and how many points were missing before; None while nothing is being
    tried. `ration`: how much of it is sent at a time, and `in_vain` how many tries in a row nothing of it landed.
    """

    spans: Spans = NOTHING
    counts: dict[int, int] = field(default_factory=dict)
    reason: Reason = Reason(False, NOT_LOOKED_AT)
    explained: bool = False
    look_at: int = 0
    looks: int = 1
    turn: int = END
    trying: tuple[Span, MarkId | None, int] | None = None
    ration: Ration = EVERYTHING
    in_vain: int = 0

    @property
    def points(self) -> int:
        """Points that were missing when they were looked at last; one at the least."""
        return max(sum(self.counts.values()), 1)

    @property
    def piece(self) -> Span:
        """What of it is tried next."""
        left = self.spans.clip(stop=self.turn) or self.spans
        start, stop = left.parts[-1]
        return max(start, (stop - 1) // PIECE * PIECE), stop

    def count(self, whole: Span, points: int) -> None:
        """Record that of `whole` so many are missing."""
        inside = [start for start in self.counts if whole[0] <= start < whole[1]]
        before = max((start for start in self.counts if start < whole[0]), default=None)
        if not inside and before is not None and self.spans.covers((before, whole[1])):
            self.counts[before] = max(self.counts[before] - points, 0)  # it was counted there
        for start in inside:
            del self.counts[start]
        if points:
            self.counts[whole[0]] = points
        while len(self.counts) > MAX_COUNTS:
            first, second = sorted(self.counts)[:2]
            self.counts[first] += self.counts.pop(second)

    def end_try(self) -> None:
        """Begin anew with whatever is tried next."""
        self.trying, self.ration, self.in_vain = None, EVERYTHING, 0


class Holds:
    """The field keys of one stream that are held."""

    def __init__(self) -> None:
        self.by_field: dict[FieldKey, Hold] = {}
        self._rests_until = 0  # ns of the steady clock

    def restore(self, held: Mapping[FieldKey, Spans]) -> None:
        """Take over what the ledger says."""
        before = Reason(False, BEFORE_START)
        self.by_field = {field_key: Hold(spans, reason=before) for field_key, spans in held.items()}

    def within(self, whole: Span) -> frozenset[FieldKey]:
        """Return the field keys that are held somewhere in `whole`."""
        return frozenset(field_key for field_key, held in self.by_field.items() if held.spans.touches(whole))

    def since(self, start: int, stop: int) -> int:
        """Return from which time on, in [start, stop), the same field keys are held up to its end."""
        for held in self.by_field.values():
            edges = (edge for part in held.spans.around(start, stop) for edge in part)
            start = max([start, *(edge for edge in edges if start < edge < stop)])
        return start

    def hold(self, field_key: FieldKey, whole: Span, points: int, steady: int) -> None:
        """Hold `field_key`, of which central lacks `points` in `whole`, from now (`steady`, ns) on."""
        held = self.by_field.get(field_key)
        if held is None:
            held = self.by_field[field_key] = Hold(look_at=steady + int(LOOKS.after(1)))
        if not held.spans.covers(whole):
            held.count(whole, points)
        held.spans = (held.spans + span(*whole)).coarse(MAX_PARTS)

    def unexplained(self) -> tuple[FieldKey, Span] | None:
        """Return a field key of which nobody has looked why central lacks it, and where; None when there is none."""
        return next(
            ((field_key, held.spans.parts[-1]) for field_key, held in self.by_field.items() if not held.explained), None
        )

    def explain(self, field_key: FieldKey, reason: Reason | None) -> bool:
        """Record why central lacks `field_key`, None when it could not be looked at; returns whether that is news.

        What is known by evidence stays.
        """
        held = self.by_field.get(field_key)
        if held is None:
            return False
        held.explained = True
        if reason is None or (held.reason.refused and not reason.refused):
            return False
        news = reason.refused != held.reason.refused or held.reason.text in (NOT_LOOKED_AT, BEFORE_START)
        held.reason = reason
        return news

    def left_out(self, field_key: FieldKey, whole: Span, points: int) -> None:
        """Record that a proof of `whole` left out so many points: all that is known of one held before a start."""
        held = self.by_field.get(field_key)
        if held is not None and not any(whole[0] <= start < whole[1] for start in held.counts):
            held.count(whole, points)

    def due(self, steady: int, is_back: Callable[[MarkId | None], bool]) -> tuple[FieldKey, Span, Ration] | None:
        """Return a field key to try again, the piece of time, and how much of it is sent; None when none is due.

        `is_back` says of a mark whether what was printed before it has left the buffer: then it is only looked, at the
        very piece. Of another piece less may be tried.
        """
        for field_key, held in self.by_field.items():
            if held.trying is not None:
                if is_back(held.trying[1]):
                    return field_key, held.trying[0], NOTHING_SENT
            elif held.look_at <= steady and self._rests_until <= steady:
                return field_key, held.piece, held.ration
        return None

    def wake_at(self) -> list[int]:
        """Return when (ns of the steady clock) each group is looked at again that waits for nothing but time."""
        waiting = (held for held in self.by_field.values() if held.trying is None)
        return [max(held.look_at, self._rests_until) for held in waiting]

    def tried(
        self,
        field_key: FieldKey,
        whole: Span,
        missing: int,
        mark: MarkId | None,
        steady: int,
        where: Span | None = None,
    ) -> bool:
        """Record the outcome of a try: `missing` points are, and some sent again before `mark`; returns if it is well.

        Each second time is a look at what has landed: less is sent the next time if nothing did, until one bad line is
        alone, which Telegraf drops with all that is sent beside it (`ration`). What is missing is missing in `where`.
        """
        held = self.by_field.get(field_key)
        if held is None:
            return False
        held.count(whole, missing)
        if missing and where is not None:
            held.spans = held.spans - span(*whole) + span(*where)
        if not missing:
            held.spans -= Spans.of([whole])
            held.end_try()
            held.looks = 1
            if not held.spans:
                del self.by_field[field_key]
                return True
        elif held.trying is None:
            held.trying = whole, mark, missing
        else:
            before = held.trying[2]
            held.ration = held.ration.after(before, missing)
            held.in_vain = held.in_vain + 1 if missing >= before else 0
            held.trying = None
            if held.ration.nothing_left(missing) or held.in_vain > MAX_IN_VAIN:
                self.put_off(field_key, whole, steady)
        return False

    def put_off(self, field_key: FieldKey, whole: Span, steady: int) -> None:
        """Go on with what is older than `whole`: it is lacking still, or could not be looked at.

        Behind the oldest piece begins the next round, each time after twice as long.
        """
        held = self.by_field.get(field_key)
        if held is None:
            return
        held.end_try()
        self._rests_until = steady + PAUSE
        held.turn = whole[0]
        if not held.spans.clip(stop=held.turn):
            held.turn, held.explained = END, False
            held.looks += 1
            held.look_at = steady + int(LOOKS.after(held.looks))

    def failed(self, field_key: FieldKey, steady: int) -> None:
        """Try the same again after a while, less of it: it could not be read, or compared."""
        held = self.by_field.get(field_key)
        if held is not None:
            held.end_try()
            held.look_at = steady + int(LOOKS.first)

    def forget(self, oldest: int) -> None:
        """Forget what is older than `oldest` (Unix ns): central would not take it any more whatever it is."""
        for field_key, held in list(self.by_field.items()):
            held.spans = held.spans.clip(start=oldest)
            held.counts = {start: points for start, points in held.counts.items() if start >= oldest}
            if not held.spans:
                del self.by_field[field_key]

    def spans(self) -> dict[FieldKey, Spans]:
        """Return what stands in the ledger."""
        return {field_key: held.spans for field_key, held in self.by_field.items() if held.spans}

    @property
    def points(self) -> int:
        """Points that were missing when they were looked at last."""
        return sum(held.points for held in self.by_field.values())

    @property
    def reason(self) -> str:
        """What is known of one of them; empty when nothing is held."""
        return next((held.reason.text for held in self.by_field.values()), "")
