"""What central goes on lacking: held by measurement, field and type, and by time, so that the rest goes on. Pure.

A hold says nothing of other times, and stops nothing from being sent: it names what a proof leaves out. Only what has
settled is held. Whether central refuses it, or merely differs, is said on evidence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span

SECOND = 1_000_000_000
FIRST_LOOK = 30 * SECOND
"""After how long (ns) central is tried with held points again; each further time after twice as long."""
LONGEST_LOOK = 3600 * SECOND
PIECE = 3600 * SECOND
"""How much of a held span is tried at a time (ns): the newest."""
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

    `reason`: why, as far as is known. `trying`: the piece that was sent again, with the mark behind it; None while
    nothing is being tried.
    """

    spans: Spans = NOTHING
    points: int = 0
    reason: Reason = Reason(False, "it was held before the last start")
    look_at: int = 0
    wait: int = FIRST_LOOK
    trying: tuple[Span, MarkId | None] | None = None


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
            held = self.groups[group] = Hold(look_at=steady + FIRST_LOOK)
        if not held.spans.covers(whole):
            held.points += points
        held.spans = (held.spans + span(*whole)).bridged(MAX_PARTS)

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

    def due(self, steady: int, is_back: Callable[[MarkId | None], bool]) -> tuple[Group, Span] | None:
        """Return a group to try again and the piece of time to try, None when none is due.

        `is_back` says of a mark whether what was printed before it has left the buffer.
        """
        for group, held in self.groups.items():
            if held.trying is not None:
                if is_back(held.trying[1]):
                    return group, held.trying[0]
                continue
            if held.look_at > steady:
                continue
            if held.spans:
                start, stop = held.spans.parts[-1]
                return group, (max(start, (stop - 1) // PIECE * PIECE), stop)
        return None

    def tried(self, group: Group, whole: Span, missing: int, mark: MarkId | None, steady: int) -> bool:
        """Record the outcome of a try: `missing` points were sent again before `mark`. Returns whether it is well.

        What is still missing the second time is lacking still.
        """
        held = self.groups.get(group)
        if held is None:
            return False
        if not missing:
            held.spans -= Spans.of([whole])
            held.trying = None
            held.wait = FIRST_LOOK
            if not held.spans:
                del self.groups[group]
                return True
        elif held.trying is None:
            held.trying = whole, mark
            held.points = max(held.points, missing)
        else:
            self.put_off(group, steady)
        return False

    def put_off(self, group: Group, steady: int) -> None:
        """Try `group` later, each time after twice as long: it is lacking still, or could not be looked at."""
        held = self.groups.get(group)
        if held is not None:
            held.trying = None
            held.wait = min(held.wait * 2, LONGEST_LOOK)
            held.look_at = steady + held.wait

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
