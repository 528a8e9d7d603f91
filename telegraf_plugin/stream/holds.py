"""What central goes on lacking: held by measurement, field and type, and by time, so that the rest goes on. Pure.

A hold says nothing of other times, and stops nothing from being sent: it names what a proof leaves out. Only what has
settled is held. Whether central refuses it, or merely differs, is said on evidence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.ration import EVERYTHING, NOTHING_SENT, Ration
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span
from telegraf_plugin.stream.units import SECOND

LOOKS = Backoff(30 * SECOND, 3600 * SECOND)
"""After how long (ns) central is tried with held points again."""
PIECE = 3600 * SECOND
"""How much of a held span is tried at a time (ns): the newest."""
MAX_IN_VAIN = 20
"""Tries in a row of which nothing landed, after which it is no single bad line: all of it is tried later."""
MAX_PARTS = 50
"""Spans in which one group is held; of more those that lie closest become one."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why central lacks points: `refused` where its type there says so; else `text` says what differs."""

    refused: bool
    text: str


@dataclass(slots=True)
class Hold:
    """One group, and `spans` in which central lacks `points` of it.

    `reason`: why, as far as is known. `look_at`: when (ns of the steady clock) it is tried again; `looks`: which wait
    ends then. `trying`: the piece that was sent again, with the mark behind it and how many points were missing before;
    None while nothing is being tried. `ration`: how much of it is sent at a time, and `in_vain` how many tries in a row
    nothing of it landed.
    """

    spans: Spans = NOTHING
    points: int = 0
    reason: Reason = Reason(False, "it was held before the last start")
    look_at: int = 0
    looks: int = 1
    trying: tuple[Span, MarkId | None, int] | None = None
    ration: Ration = EVERYTHING
    in_vain: int = 0


class Holds:
    """The groups of one stream that are held."""

    def __init__(self) -> None:
        self.groups: dict[Group, Hold] = {}

    def restore(self, held: Mapping[Group, Spans]) -> None:
        """Take over what the ledger says."""
        self.groups = {group: Hold(spans) for group, spans in held.items()}

    def within(self, whole: Span) -> frozenset[Group]:
        """Return the groups that are held somewhere in `whole`."""
        return frozenset(group for group, held in self.groups.items() if held.spans.touches(whole))

    def since(self, start: int, stop: int) -> int:
        """Return from which time on, in [start, stop), the same groups are held up to its end."""
        for held in self.groups.values():
            edges = (edge for part in held.spans.around(start, stop) for edge in part)
            start = max([start, *(edge for edge in edges if start < edge < stop)])
        return start

    def hold(self, group: Group, whole: Span, points: int, steady: int) -> None:
        """Hold `group`, of which central lacks `points` in `whole`, from now (`steady`, ns) on."""
        held = self.groups.get(group)
        if held is None:
            held = self.groups[group] = Hold(look_at=steady + int(LOOKS.after(1)))
        if not held.spans.covers(whole):
            held.points += points
        held.spans = (held.spans + span(*whole)).coarse(MAX_PARTS)

    def explain(self, group: Group, reason: Reason) -> None:
        """Record why central lacks `group`; what is known by evidence stays."""
        held = self.groups.get(group)
        if held is not None and (reason.refused or not held.reason.refused):
            held.reason = reason

    def left_out(self, group: Group, points: int) -> None:
        """Record that a proof left out so many of the group's points: all that is known of one held before a start."""
        held = self.groups.get(group)
        if held is not None:
            held.points = max(held.points, points)

    def due(self, steady: int, is_back: Callable[[MarkId | None], bool]) -> tuple[Group, Span, Ration] | None:
        """Return a group to try again, the piece of time, and how much of it is sent; None when none is due.

        `is_back` says of a mark whether what was printed before it has left the buffer: then it is only looked.
        """
        for group, held in self.groups.items():
            if held.trying is not None:
                if is_back(held.trying[1]):
                    return group, held.trying[0], NOTHING_SENT
                continue
            if held.look_at > steady:
                continue
            if held.spans:
                start, stop = held.spans.parts[-1]
                return group, (max(start, (stop - 1) // PIECE * PIECE), stop), held.ration
        return None

    def tried(
        self,
        group: Group,
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
        held = self.groups.get(group)
        if held is None:
            return False
        if missing and where is not None:
            held.spans = held.spans - span(*whole) + span(*where)
        if not missing:
            held.spans -= Spans.of([whole])
            held.trying, held.ration, held.in_vain = None, EVERYTHING, 0
            held.looks = 1
            if not held.spans:
                del self.groups[group]
                return True
        elif held.trying is None:
            held.trying = whole, mark, missing
            held.points = max(held.points, missing)
        else:
            before = held.trying[2]
            held.ration = held.ration.after(before, missing)
            held.in_vain = held.in_vain + 1 if missing >= before else 0
            held.trying = None
            if held.ration.nothing_left(missing) or held.in_vain > MAX_IN_VAIN:
                held.points = missing
                self.put_off(group, steady)
        return False

    def put_off(self, group: Group, steady: int) -> None:
        """Try `group` later, each time after twice as long: it is lacking still, or could not be looked at."""
        held = self.groups.get(group)
        if held is not None:
            held.trying, held.ration, held.in_vain = None, EVERYTHING, 0
            held.looks += 1
            held.look_at = steady + int(LOOKS.after(held.looks))

    def forget(self, oldest: int) -> None:
        """Forget what is older than `oldest` (Unix ns): central would not take it any more whatever it is."""
        for group, held in list(self.groups.items()):
            held.spans = held.spans.clip(start=oldest)
            if not held.spans:
                del self.groups[group]

    def spans(self) -> dict[Group, Spans]:
        """Return what stands in the ledger."""
        return {group: held.spans for group, held in self.groups.items() if held.spans}

    @property
    def points(self) -> int:
        """Points that were missing when they were held."""
        return sum(max(held.points, 1) for held in self.groups.values())

    @property
    def reason(self) -> str:
        """What is known of one of them; empty when nothing is held."""
        return next((held.reason.text for held in self.groups.values()), "")
