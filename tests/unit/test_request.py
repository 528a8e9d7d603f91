"""What an operator asks for: a backfill below the origin, a repair; done once, and known after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Check, Compare, Compared, Copied, Copy, Prove, Proved
from telegraf_plugin.stream.ledger import Mark, Origin
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.course_bench import LOOKBACK, SECOND, at, s, seconds, sp
from tests.unit.marks import make_mark
from tests.unit.test_definition import STREAM

ORIGIN = -1000


def backfill(*spans: tuple[int, int], id: str = "1", cancelled: bool = False) -> Request:
    return Request(id, Kind.BACKFILL, Spans.of(sp(*each) for each in spans), cancelled, 7)


def repair(*spans: tuple[int, int], id: str = "1") -> Request:
    return replace(backfill(*spans, id=id), kind=Kind.REPAIR)


class Asked:
    """An account whose stream is proved from its origin to the lookback, at 0."""

    def __init__(self, stream: StreamDefinition = STREAM) -> None:
        self.account = Account(stream, "me")
        self.account.adopt(None, None, s(ORIGIN), at(-10_000))
        self.course = self.account.course
        self.present = {make_mark(self.account, at(-10_000)).id}
        self.account.seen(self.present)
        self.course.tick(at(-10_000))
        self.course.next(at(-10_000), False, False, False)
        self.course.tick(at(0))
        self.course.due = False
        self.course._foresee_at = 10**30
        self.course.origin = s(ORIGIN)  # a tick has taken it back: it was the future
        self.course.proved = span(*sp(ORIGIN, -LOOKBACK))
        self.mark()

    def mark(self) -> Mark:
        """A mark that is back at once."""
        mark = make_mark(self.account, at(0))
        self.present.add(mark.id)
        self.account.seen(self.present)
        return mark

    def work_off(self) -> list[tuple[str, tuple[int, int]]]:
        """Do everything that is to be done, well; what was done, in seconds."""
        done = []
        while (job := self.course.next(at(0), True, True, True)) is not None:
            assert not isinstance(job, Check)
            done.append((type(job).__name__.lower(), seconds(span(*job.span))[0]))
            if isinstance(job, Copy):
                self.course.copied(job, Copied(Digest(points=5), 5, self.mark().id), at(0))
            elif isinstance(job, Prove):
                self.course.proved_by(job, Proved(True), at(0))
            elif isinstance(job, Compare):
                self.course.compared(job, Compared(), at(0))
            self.account.settle_request()
        return done


@pytest.mark.parametrize("request_", [backfill((1, 2), (3, 4)), backfill(cancelled=True), repair((1, 2), id="x y")])
def test_what_is_written_is_read_back(request_: Request) -> None:
    fields = {key: str(value) for key, value in request_.fields().items()}
    fields["cancelled"] = fields["cancelled"].lower()
    assert Request.read(fields, request_.time) == request_


@pytest.mark.parametrize(
    "damage", [{"spans": "1/x"}, {"kind": "delete"}, {"id": None}, {"kind": None}, {"spans": None}, {"cancelled": None}]
)
def test_a_damaged_one_is_refused(damage: dict[str, str | None]) -> None:
    fields = {"id": "1", "kind": "backfill", "spans": "1/2", "cancelled": "false"} | damage
    with pytest.raises(ValueError, match=r"."):
        Request.read({key: value for key, value in fields.items() if value is not None}, 7)


def test_a_backfill_copies_what_is_older_than_the_origin_and_not_what_is_proved() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, -1200), (-900, -800)), at(0))
    assert asked.account.request == ""
    assert asked.work_off() == [("copy", (-1400, -1200)), ("prove", (-1400, -1200))]
    made = asked.mark()
    assert (made.request, made.origin) == ("1", s(ORIGIN))
    assert seconds(made.proved) == [(-1400, -1200), (ORIGIN, -LOOKBACK)]


def test_a_backfill_that_adjoins_the_origin_moves_it() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, ORIGIN)), at(0))
    asked.work_off()
    made = asked.mark()
    assert (made.request, made.origin) == ("1", s(-1400))
    assert asked.account.mirror == Origin(STREAM.hash, s(-1400), asked.account.began, s(-1400))


def test_a_mark_says_soon_that_it_is_done() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, -1200)), at(0))
    assert not asked.account.mark_due(at(0))
    asked.work_off()
    assert asked.account.mark_due(at(0))
    asked.mark()
    assert not asked.account.mark_due(at(0))


def test_a_backfill_of_what_central_does_not_keep_is_done_without_it() -> None:
    asked = Asked()
    asked.course.bounds = replace(asked.course.bounds, oldest=s(-1300))
    asked.account.ask(backfill((-1400, -1200)), at(0))
    assert asked.work_off() == [("copy", (-1300, -1200)), ("prove", (-1300, -1200))]
    assert asked.mark().request == "1"


def test_a_repair_compares_what_is_proved() -> None:
    asked = Asked()
    asked.account.ask(repair((-900, -800)), at(0))
    assert not asked.course.proved.covers(sp(-900, -800))
    assert asked.account.mark_due(at(0))  # it must not be called proved while it is compared
    asked.mark()
    assert asked.course.next(at(0), True, True, True) is None
    job = asked.course.next(at(LOOKBACK), True, False, True)
    assert isinstance(job, Prove)
    assert job.source is None
    assert seconds(span(*job.span)) == [(-900, -800)]
    assert asked.mark().request == ""
    asked.course.proved_by(job, Proved(True), at(0))
    assert asked.mark().request == "1"


def test_one_that_is_known_or_done_changes_nothing() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, -1200)), at(0))
    asked.account.ask(backfill((-1400, -1200)), at(0))
    asked.work_off()
    asked.mark()
    for request in (backfill((-1400, -1200)), repair((-900, -800))):
        asked.account.ask(request, at(0))
        assert asked.work_off() == []


def test_another_one_takes_its_place() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, -1200)), at(0))
    asked.account.ask(backfill((-2000, -1900), id="2"), at(0))
    assert asked.work_off() == [("copy", (-2000, -1900)), ("prove", (-2000, -1900))]
    assert asked.mark().request == "2"


def test_one_that_is_cancelled_is_left() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, -1200)), at(0))
    asked.account.ask(backfill((-1400, -1200), cancelled=True), at(0))
    assert asked.work_off() == []
    assert asked.mark().request == "1"


def test_nothing_is_asked_of_a_stream_that_does_not_run() -> None:
    account = Account(STREAM, "me")
    account.ask(backfill((-1400, -1200)), at(0))
    account.adopt(None, None, s(ORIGIN), at(0))
    account.ask(backfill((-1400, -1200)), at(0))
    assert account.course.requested == NOTHING
    account.seen({make_mark(account, at(0)).id})
    account.ask(backfill((-1400, -1200)), at(0))
    assert seconds(account.course.requested) == [(-1400, -1200)]


def test_after_a_restart_what_is_done_is_known_and_what_is_not_is_asked_again() -> None:
    asked = Asked()
    asked.account.ask(backfill((-1400, -1200)), at(0))
    asked.work_off()
    done = asked.mark()
    again = Asked()
    again.account.adopt(done, None, 0, at(0))
    again.present = {done.id}
    again.mark()
    again.course.due = False
    again.account.ask(backfill((-1400, -1200)), at(0))
    assert again.course.requested == NOTHING
    again.account.ask(backfill((-2000, -1900), id="2"), at(0))
    again.account.adopt(done, None, 0, at(0))
    again.mark()
    assert again.course.requested == NOTHING
    again.account.ask(backfill((-2000, -1900), id="2"), at(0))
    assert seconds(again.course.requested) == [(-2000, -1900)]


def test_whole_windows_of_an_aggregate_are_copied() -> None:
    minutes = replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN))
    asked = Asked(minutes)
    asked.account.ask(backfill((-1450, -1390)), at(0))
    assert seconds(asked.course.requested) == [(-1500, -1380)]


def test_what_reaches_behind_the_retention_of_central_is_done_with_the_first_whole_window() -> None:
    """No window of which central would take a part only is copied: that must not keep it from being done."""
    asked = Asked(replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN)))
    asked.course.bounds = replace(asked.course.bounds, oldest=s(-1330))
    asked.account.ask(backfill((-1440, -1200)), at(0))
    assert asked.work_off() == [("copy", (-1320, -1200)), ("prove", (-1320, -1200))]
    assert asked.mark().request == "1"


def test_how_far_an_aggregate_is_proved_begins_with_the_first_whole_window_that_central_keeps() -> None:
    asked = Asked(replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN)))
    asked.course.bounds = replace(asked.course.bounds, oldest=s(ORIGIN + 10))
    asked.course.proved = asked.course.proved.clip(start=s(-960))
    assert asked.account.progress(at(0)).proved_up_to == asked.course.proved.parts[0][1]
