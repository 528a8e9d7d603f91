"""Rules of the collector, each taken away alone: what `test_rules` does to a story that ends well with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace

import pytest

from telegraf_plugin.execution.runner import JobRunner
from telegraf_plugin.stream import account, bounds, clocks, course, flow, plan
from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.bounds import Bounds, Bucket
from telegraf_plugin.stream.clocks import Instant, ProofClock
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.flow import Flow
from telegraf_plugin.stream.holds import Holds
from telegraf_plugin.stream.jobs import Check, Failed, Job, Prove, Proved, Recheck, Swept
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Origin, Reading, newest_believable
from telegraf_plugin.stream.ledger_watch import LedgerWatch
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.outcomes import Outcomes
from telegraf_plugin.stream.pause import NO_PAUSE, Pause
from telegraf_plugin.stream.pending import PendingSpan
from telegraf_plugin.stream.plan import Plan
from telegraf_plugin.stream.quarantine import Quarantine
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.restraint import Allowance
from telegraf_plugin.stream.spans import BEGINNING, END, NOTHING, Spans
from telegraf_plugin.stream.sweep import Sweep
from tests.model import clients
from tests.model.outside import BATCH, ModelTelegraf, Reply

Patch = pytest.MonkeyPatch


def no_start_mark(patch: Patch) -> None:
    adopt = Account.adopt

    def adopted(self: Account, mark: Mark | None, mirror: None, start: int, at: Instant, *rest: bool) -> None:
        adopt(self, mark, mirror, start, at, *rest)
        self.book.started, self.state = True, State.RUNNING

    patch.setattr(Account, "adopt", adopted)


def no_base_while_running(patch: Patch) -> None:
    patch.setattr(MarkBook, "gone", lambda *_args: False)


def _newest(marks: Iterable[Mark], *_is_there: object) -> Believed | None:
    found = max(marks, key=lambda mark: mark.id, default=None)
    return Believed(found, Spans()) if found is not None else None


def no_base_at_start(patch: Patch) -> None:
    patch.setattr(clients, "newest_believable", _newest)


def no_clip(patch: Patch) -> None:
    tick, adopt = Course.tick, Course.adopt

    def ticked(self: Course, at: Instant) -> None:
        proved = self.proved
        tick(self, at)
        self.proved = proved

    def adopted(self: Course, origin: int, proved: Spans, at: Instant, sent: Spans = NOTHING) -> None:
        adopt(self, origin, proved, at, sent)
        self.proved = proved

    patch.setattr(Course, "tick", ticked)
    patch.setattr(Course, "adopt", adopted)


def no_waiting_for_the_mark(patch: Patch) -> None:
    def is_back(self: MarkBook, _mark: MarkId | None) -> bool:
        return self.started

    patch.setattr(MarkBook, "is_back", is_back)


def no_mark_before_a_repair(patch: Patch) -> None:
    patch.setattr(MarkBook, "claimed", NOTHING)


def last_in_first_out(patch: Patch) -> None:
    def send(self: ModelTelegraf, output: str, _reply: Reply, _now: int, size: int = BATCH) -> bool:
        buffer = self.buffers[output]
        batch = [buffer.pop() for _ in range(min(size, len(buffer)))]
        self._central.land(batch[::-1])
        return bool(batch)

    patch.setattr(ModelTelegraf, "send", send)


def no_settling(patch: Patch) -> None:
    def have_left(self: Course, at: Instant) -> None:
        self._started_at = at.safe if self._started_at is None else self._started_at

    patch.setattr(Course, "_have_left", have_left)


def no_settling_after_a_start(patch: Patch) -> None:
    have_left = Course._have_left

    def left(self: Course, at: Instant) -> None:
        have_left(self, at)
        self._started_at = 0

    patch.setattr(Course, "_have_left", left)


def no_limit(patch: Patch) -> None:
    patch.setattr(Flow, "has_room", lambda *_args: True)


def no_share(patch: Patch) -> None:
    patch.setattr(flow, "BACKLOG_SHARE", 1.0)


def no_doubt(patch: Patch) -> None:
    patch.setattr(Course, "invalidate", lambda *_args: None)


def no_hold(patch: Patch) -> None:
    patch.setattr(Holds, "hold", lambda *_args: None)


def no_hash(patch: Patch) -> None:
    """Counts prove."""

    def prove(self: JobRunner, command: Command, job: Prove) -> Proved:
        return Proved(self.check(command, Check(((job.span,),)))[0].equal)

    patch.setattr(JobRunner, "prove", prove)


def no_count(patch: Patch) -> None:
    """A mark that is back says that all has arrived."""

    def is_here(self: Plan, each: PendingSpan) -> bool:
        return self.book.is_back(each.mark)

    patch.setattr(Plan, "_is_here", is_here)


def no_setting_aside(patch: Patch) -> None:
    patch.setattr(Quarantine, "failed", lambda *_args: False)


def no_turns(patch: Patch) -> None:
    """What fails to be counted is counted again before all else."""
    patch.setattr(Outcomes, "_not_counted", lambda *_args: None)
    patch.setattr(Quarantine, "knows", lambda *_args: False)


def no_time_of_a_hold(patch: Patch) -> None:
    hold = Holds.hold
    patch.setattr(Holds, "hold", lambda self, group, _span, *rest: hold(self, group, (BEGINNING, END), *rest))


def no_hold_after_a_start(patch: Patch) -> None:
    patch.setattr(Holds, "restore", lambda *_args: None)


def no_count_first(patch: Patch) -> None:
    adopt = Course.adopt
    patch.setattr(Course, "adopt", lambda self, origin, proved, at, _sent=NOTHING: adopt(self, origin, proved, at))


def no_islands(patch: Patch) -> None:
    def mirror(self: Account) -> Origin:
        return Origin(self.stream.hash, self.course.origin, self.began, min(self._oldest, self.course.origin))

    patch.setattr(Account, "mirror", property(mirror))


def no_cancelling(patch: Patch) -> None:
    ask = Account.ask

    def asked(self: Account, request: Request, at: Instant) -> None:
        if not request.cancelled:
            ask(self, request, at)

    patch.setattr(Account, "ask", asked)


def no_repair(patch: Patch) -> None:
    request = Course.request
    patch.setattr(Course, "request", lambda self, spans, _repair, at: request(self, spans, False, at))


def no_mending(patch: Patch) -> None:
    """The sweep looks, and does nothing about it."""

    def swept(self: Course, job: Recheck, outcome: Swept, took: int, at: Instant) -> None:
        self.sweep.done(job.span, outcome.equal, took, at.steady, outcome.points)

    patch.setattr(Outcomes, "swept", swept)


def no_turn_kept_in_the_sweep(patch: Patch) -> None:
    """What fails is passed over until the next pass."""
    failed = Outcomes.failed

    def passed_over(self: Outcomes, job: Job, reason: str, at: Instant, central: bool, begun: bool = False) -> Failed:
        if not isinstance(job, Recheck):
            return failed(self, job, reason, at, central, begun)
        self.sweep.done(job.span, True, 0, at.steady)
        return Failed(True, False)

    patch.setattr(Outcomes, "failed", passed_over)


def no_hash_in_the_sweep(patch: Patch) -> None:
    patch.setattr(Sweep, "by_hash", property(lambda _self: False))


def no_seeking(patch: Patch) -> None:
    patch.setattr(plan, "EMPTY_COPIES", END)


def no_second_search(patch: Patch) -> None:
    def later(self: Outcomes, _at: Instant) -> None:
        self._search_at = END

    patch.setattr(Outcomes, "_search_later", later)


def no_hurry(patch: Patch) -> None:
    """What the source is about to lose waits for its turn."""
    bounds_of = bounds.bounds_of

    def patient(source: Bucket | None, central: Bucket | None, at: Instant) -> Bounds:
        return replace(bounds_of(source, central, at), expires=BEGINNING)

    patch.setattr(account, "bounds_of", patient)


def no_other_clock(patch: Patch) -> None:
    patch.setattr(clocks, "present", lambda source, _clock, _central: source)


def no_settling_anew(patch: Patch) -> None:
    """What was read by a clock that ran ahead is proved when that time has come."""
    patch.setattr(Course, "_settle_by_what_is_left", lambda *_args: None)


def no_second_thought(patch: Patch) -> None:
    """What was proved too early stays proved."""
    patch.setattr(ProofClock, "early", lambda *_args: None)


def no_origin_taken_back(patch: Patch) -> None:
    take_back = Course._take_back

    def taken(self: Course, at: Instant) -> None:
        origin = self.origin
        take_back(self, at)
        self.origin = origin

    patch.setattr(Course, "_take_back", taken)


def no_waiting_for_the_origin(patch: Patch) -> None:
    mirrored = LedgerWatch._mirrored

    def whatever(self: LedgerWatch, bucket: str) -> Generator[object, object, dict[StreamId, Origin]]:
        return (yield from mirrored(self, bucket)) or {}

    patch.setattr(LedgerWatch, "_mirrored", whatever)


def no_doubts_of_the_ledger(patch: Patch) -> None:
    def newest(marks: Iterable[Mark], *is_there: Callable[[MarkId], bool]) -> Believed | None:
        found = newest_believable(marks, *is_there)
        return Believed(found.mark, NOTHING) if found is not None else None

    patch.setattr(clients, "newest_believable", newest)


def no_overlap(patch: Patch) -> None:
    patch.setattr(course, "OVERLAP", 0)


def no_marks_inside(patch: Patch) -> None:
    patch.setattr(Flow, "needs_mark", lambda *_args: False)


def no_room_beside_a_backlog(patch: Patch) -> None:
    gave_up = Course.gave_up

    def given_up(self: Course, job: Job) -> None:
        gave_up(self, job)
        self._full_live = True

    patch.setattr(Course, "gave_up", given_up)


def no_pause(patch: Patch) -> None:
    patch.setattr(Account, "take_pause", lambda *_args: False)


def no_pause_in_the_ledger(patch: Patch) -> None:
    patch.setattr(Pause, "text", lambda _self: "")


def no_look_for_a_pause(patch: Patch) -> None:
    """What was paused is looked for at ticks alone."""
    patch.setattr(Reading, "paused", property(lambda self: self.believed.mark.pause if self.believed else NO_PAUSE))


def no_quiet(patch: Patch) -> None:
    patch.setattr(Allowance, "quiet_until", lambda *_args: None)


def no_waking(patch: Patch) -> None:
    """The end of quiet hours is seen at ticks alone."""
    patch.setattr(Allowance, "wakes_at", lambda *_args: None)


def no_pace(patch: Patch) -> None:
    patch.setattr(Allowance, "read", lambda *_args: None)


def no_grace(patch: Patch) -> None:
    patch.setattr(Account, "resumed", lambda *_args: None)
