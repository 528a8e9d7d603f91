"""What central goes on refusing: held by measurement, field and type, so that the rest goes on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import NOTHING, Span, Spans

SECOND = 1_000_000_000
FIRST_LOOK = 30 * SECOND
"""After how long (ns) central is tried with held points again; each further time after twice as long."""
LONGEST_LOOK = 3600 * SECOND
PIECE = 3600 * SECOND
"""How much of a held span is tried at a time (ns): the newest."""


@dataclass(slots=True)
class Hold:
    """One group that central refuses, and `spans` in which it lacks points of it.

    `reason`: why, as far as is known. `trying`: the piece that was sent again, with the mark behind it; None while
    nothing is being tried.
    """

    spans: Spans = NOTHING
    points: int = 0
    reason: str = "it was held before the last start"
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

    def hold(self, group: Group, span: Span, points: int, steady: int) -> None:
        """Hold `group`, of which central lacks `points` in `span`, from now (`steady`, ns) on."""
        held = self.groups.get(group)
        if held is None:
            held = self.groups[group] = Hold(look_at=steady + FIRST_LOOK)
        if not held.spans.covers(span):
            held.points += points
        held.spans += Spans.of([span])

    def explain(self, group: Group, reason: str) -> None:
        """Take note of why central refuses `group`."""
        if group in self.groups:
            self.groups[group].reason = reason

    def left_out(self, group: Group, span: Span, points: int) -> None:
        """Take note that `span` was proved without the `points` of `group` in it."""
        held = self.groups.get(group)
        if held is not None:
            held.points += points if not held.spans.covers(span) else 0
            held.spans += Spans.of([span])

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

    def tried(self, group: Group, span: Span, missing: int, mark: MarkId | None, steady: int) -> bool:
        """Take the outcome of a try: `missing` points were sent again before `mark`. Returns whether it is well.

        What is still missing the second time is refused still.
        """
        held = self.groups.get(group)
        if held is None:
            return False
        if not missing:
            held.spans -= Spans.of([span])
            held.trying = None
            held.wait = FIRST_LOOK
            if not held.spans:
                del self.groups[group]
                return True
        elif held.trying is None:
            held.trying = span, mark
        else:
            held.trying = None
            held.wait = min(held.wait * 2, LONGEST_LOOK)
            held.look_at = steady + held.wait
        return False

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
        return sum(held.points for held in self.groups.values())
