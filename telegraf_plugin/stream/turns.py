"""Which of central's buckets is looked at next, two at a time, so that one that is slow holds up no other. Pure.

All times are ns of the steady clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.units import SECOND

SLOW = SECOND
"""What a look at a bucket may take; what takes longer holds up no other."""
AT_ONCE = 2
"""Looks in hand, of which one may be at a bucket that is slow: it may hold up another such, and nobody else."""
NOBODY: Mapping[str, int] = {}
RETRIES = Backoff(0.5, 5.0)
"""Seconds between two tries while a bucket of central does not answer."""


@dataclass(slots=True)
class Turn:
    """One bucket's turn.

    `look_at`: when it is looked at next, None when nothing is expected there. `wanted_at`: central asked to be left
    alone until then (429, 503). `ticked`: a tick was not looked at yet. `began`: since when it is looked at, None when
    it is not. `slow`: the last look took its time.
    """

    look_at: int | None = 0
    wanted_at: int = 0
    failures: int = 0
    ticked: bool = False
    began: int | None = None
    slow: bool = False

    @property
    def due_at(self) -> int | None:
        """When its turn comes; None while it is looked at, and when nothing is expected."""
        if self.began is not None or self.look_at is None:
            return None
        return max(self.look_at, self.wanted_at)


class Turns:
    """The turns of all buckets."""

    def __init__(self, buckets: Collection[str]) -> None:
        self._turns = {bucket: Turn() for bucket in buckets}

    def tick(self, waiting: Mapping[str, int] = NOBODY) -> None:
        """Have every bucket looked at now; those that are `waiting` at that time, unless the tick before waits yet."""
        for bucket, turn in self._turns.items():
            turn.look_at = 0 if turn.ticked else waiting.get(bucket, 0)
            turn.ticked = True

    def expect(self, bucket: str, at: int) -> None:
        """Have `bucket` looked at `at` that time at the latest: a mark is on its way to it."""
        turn = self._turns[bucket]
        turn.look_at = at if turn.look_at is None else min(turn.look_at, at)

    def put_off(self, bucket: str, at: int) -> None:
        """Have `bucket` looked at `at` that time, and not before."""
        self._turns[bucket].look_at = at

    def next(self, now: int) -> tuple[str, bool] | None:
        """Take up the bucket whose turn it is, and say whether there was a tick; None when it is nobody's."""
        for bucket, turn in self._open().items():
            if turn.due_at is not None and turn.due_at <= now:
                ticked, turn.began, turn.ticked = turn.ticked, now, False
                # Who was looked at last is the last one next time.
                self._turns = {**{name: each for name, each in self._turns.items() if name != bucket}, bucket: turn}
                return bucket, ticked
        return None

    def done(self, bucket: str, now: int, ticked: bool, look_at: int | None, error: CentralError | None = None) -> None:
        """Record what came of a look: it is looked at again at `look_at`, after an `error` after a while.

        A tick that came meanwhile has it looked at again at once, but for a central that asked to be left alone.
        """
        turn = self._turns[bucket]
        turn.slow = turn.began is not None and now - turn.began > SLOW
        turn.began = None
        if error is not None:
            turn.failures += 1
            turn.wanted_at = now + int((error.retry_after or 0.0) * SECOND)
            turn.look_at = now + int(RETRIES.after(turn.failures) * SECOND)
            turn.ticked = turn.ticked or ticked
            return
        turn.failures = 0
        turn.look_at = 0 if turn.ticked else look_at

    def wakes_at(self) -> int | None:
        """Return when the next turn comes; None when none does by itself, or as many are in hand as may be."""
        return min((turn.due_at for turn in self._open().values() if turn.due_at is not None), default=None)

    def _open(self) -> dict[str, Turn]:
        """Return the turns that may be taken up when their time comes."""
        in_hand = [turn for turn in self._turns.values() if turn.began is not None]
        if len(in_hand) >= AT_ONCE:
            return {}
        slow = any(turn.slow for turn in in_hand)
        return {bucket: turn for bucket, turn in self._turns.items() if not (turn.slow and slow)}
