"""Rules of standing by, each taken away alone, as `removals` does."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.lease import Lease, PrintClaim
from telegraf_plugin.telegraf.inflight import InFlightWindow

Patch = pytest.MonkeyPatch


def no_takeover(patch: Patch) -> None:
    watch = Lease._watch

    def watched(self: Lease, first: Claim | None, asked_at: int, now: Clocks) -> None:
        if first is None or first.role is Role.OVER:
            watch(self, first, asked_at, now)

    patch.setattr(Lease, "_watch", watched)


def no_terms(patch: Patch) -> None:
    take = Lease._take

    def taken(self: Lease, first: Claim | None, now: Clocks) -> None:
        take(self, first, now)
        self._term = 1

    patch.setattr(Lease, "_take", taken)


def no_reading_back(patch: Patch) -> None:
    take = Lease._take

    def taken(self: Lease, first: Claim | None, now: Clocks) -> None:
        take(self, first, now)
        self.role, self._until = Role.ACTIVE, now.steady + self.lasts

    patch.setattr(Lease, "_take", taken)


def no_end_by_itself(patch: Patch) -> None:
    def until(self: Lease) -> int:
        return 2**62 if self.role is Role.ACTIVE and not self.lost else 0

    patch.setattr(Lease, "until", property(until))


def no_time_at_the_window(patch: Patch) -> None:
    patch.setattr(InFlightWindow, "permit", lambda *_args: None)


def no_blindness(patch: Patch) -> None:
    watch = Lease._watch

    def watched(self: Lease, first: Claim | None, asked_at: int, now: Clocks) -> None:
        self._answered_at = now.steady if self._answered_at is not None else None
        watch(self, first, asked_at, now)

    patch.setattr(Lease, "_watch", watched)


def no_giving_way(patch: Patch) -> None:
    patch.setattr(Lease, "_give_way", lambda *_args: None)


def no_rank(patch: Patch) -> None:
    patch.setattr(Claim, "rank", property(lambda self: (self.term, "")))


def no_giving_up(patch: Patch) -> None:
    def end(_self: Lease, _now: Clocks) -> PrintClaim | None:
        return None

    patch.setattr(Lease, "end", end)
