"""What became of the reads: sums of a cycle and since start, and who is healthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import PermanentError, SourceError
from telegraf_plugin.stream.account import Progress, State
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import Drop, DropReason, Drops
from telegraf_plugin.stream.status import Board, Totals, start_lasts
from tests.unit.test_definition import STREAM

CPU = replace(STREAM, name="cpu")
MEM = replace(STREAM, name="mem")
POWER = replace(STREAM, source="POD-30", name="power")
ERROR = PermanentError("what", "hint")
SECOND = 1_000_000_000
IN_TIME = Progress(
    state=State.RUNNING,
    lag=0,
    proved_up_to=7,
    left=0,
    points_per_second=0.0,
    to_go=None,
    held=0,
    extras=0,
    foreign=0,
    time_to_loss=None,
    sweep_period=None,
    sweep_found=0,
)


def attempt(
    stream: StreamDefinition = CPU,
    read: int = 10,
    sent: int = 8,
    dropped: int = 2,
    seconds: float = 0.5,
    error: SourceError | None = None,
) -> Attempt:
    drops = Drops()
    if dropped:
        drops.add(DropReason.NOT_A_VALUE, dropped, f"{stream.name} example")
    return Attempt(stream, 0, 1, read, sent, drops, seconds, error)


def board(*attempts: Attempt, streams: Sequence[StreamDefinition] = (CPU, MEM, POWER)) -> Board:
    result = Board(streams)
    for status in result.streams.values():
        status.progress = IN_TIME
    for each in attempts:
        result.record(each)
    return result


ATTEMPTS = st.lists(
    st.builds(
        attempt,
        st.sampled_from([CPU, MEM, POWER]),
        st.integers(0, 10**12),
        st.integers(0, 10**12),
        st.integers(0, 10**9),
        st.sampled_from([0.0, 0.25, 1.5]),
        st.none() | st.just(ERROR),
    ),
    max_size=20,
)


@given(ATTEMPTS)
def test_the_totals_are_the_sums_of_the_attempts(attempts: list[Attempt]) -> None:
    recorded = board(*attempts)
    total = Totals.of(status.total for status in recorded.streams.values())
    assert total == Totals(
        points_read=sum(each.points_read for each in attempts),
        points_sent=sum(each.points_sent for each in attempts),
        points_dropped=sum(each.drops.points for each in attempts),
        successes=sum(each.error is None for each in attempts),
        failures=sum(each.error is not None for each in attempts),
        seconds=sum(each.seconds for each in attempts),
    )
    assert (total.success_rate is None) == (not attempts)
    assert 0.0 <= (total.success_rate or 0.0) <= 100.0


@given(ATTEMPTS, ATTEMPTS)
def test_a_cycle_begins_at_zero_and_the_totals_go_on(first: list[Attempt], second: list[Attempt]) -> None:
    recorded = board(*first)
    recorded.begin_cycle([])
    for each in second:
        recorded.record(each)
    sums = Totals.of(status.cycle for status in recorded.streams.values())
    assert sums.points_read == sum(each.points_read for each in second)
    assert sums.failures == sum(each.error is not None for each in second)
    total = Totals.of(status.total for status in recorded.streams.values())
    assert total.points_read == sum(each.points_read for each in first + second)


@given(ATTEMPTS)
def test_a_stream_is_healthy_when_its_last_attempt_was(attempts: list[Attempt]) -> None:
    recorded = board(*attempts)
    last = {each.stream.label: each for each in attempts}
    assert recorded.failing == [
        label for label in ("POD-8/cpu", "POD-8/mem", "POD-30/power") if label not in last or last[label].error
    ]


@pytest.mark.parametrize(
    ("errors", "rate"), [([], None), ([None], 100.0), ([ERROR], 0.0), ([None, ERROR, None, None], 75.0)]
)
def test_the_success_rate_is_in_percent_of_all_attempts(errors: list[SourceError | None], rate: float | None) -> None:
    assert board(*(attempt(error=error) for error in errors)).streams["POD-8/cpu"].total.success_rate == rate


def test_failures_in_a_row_count_up_and_end_with_a_success() -> None:
    recorded = board()
    rows = [recorded.record(attempt(error=error)).failures_in_a_row for error in (ERROR, ERROR, None, ERROR)]
    assert rows == [1, 2, 0, 1]


def test_a_failed_attempts_points_count_too() -> None:
    status = board(attempt(read=100, sent=40, error=ERROR)).streams["POD-8/cpu"]
    assert (status.total.points_read, status.total.points_sent) == (100, 40)


def test_nothing_is_healthy_before_it_was_read() -> None:
    assert board().failing == ["POD-8/cpu", "POD-8/mem", "POD-30/power"]


@pytest.mark.parametrize(
    ("progress", "max_lag", "trouble"),
    [
        (None, 60 * SECOND, "the ledger in central cannot be read"),
        (replace(IN_TIME, state=State.LOADING, lag=None), 60 * SECOND, "the ledger in central cannot be read"),
        (replace(IN_TIME, state=State.STARTING), 60 * SECOND, "its first mark has not arrived in central"),
        (replace(IN_TIME, lag=60 * SECOND), 60 * SECOND, "central has lacked points of it for 1 m"),
        (replace(IN_TIME, lag=59 * SECOND), 60 * SECOND, ""),
        (replace(IN_TIME, lag=3600 * SECOND), None, ""),
    ],
)
def test_what_does_not_arrive_in_central_in_time_is_unhealthy_and_says_why(
    progress: Progress | None, max_lag: int | None, trouble: str
) -> None:
    recorded = board(attempt(CPU), streams=[CPU])
    status = recorded.streams[CPU.label]
    status.progress, status.max_lag = progress, max_lag
    assert (status.healthy, status.trouble, recorded.failing) == (not trouble, trouble, [CPU.label] if trouble else [])


def test_a_source_that_fails_is_named_before_what_follows_from_it() -> None:
    recorded = board(attempt(CPU, error=ERROR), streams=[CPU])
    recorded.begin_cycle([CPU.label])
    status = recorded.streams[CPU.label]
    status.progress, status.max_lag = replace(IN_TIME, lag=61 * SECOND), 60 * SECOND
    assert status.trouble == "its source does not give it"
    recorded.record(attempt(CPU))
    assert status.trouble == "its source is slow"
    recorded.begin_cycle([])
    assert status.trouble == "central has lacked points of it for 1 m 1 s"
    assert board(streams=[CPU]).streams[CPU.label].trouble == "not read yet"


def test_the_last_success_is_the_end_of_what_was_copied_last() -> None:
    recorded = board(replace(attempt(CPU), stop=100), replace(attempt(CPU, error=ERROR), stop=200), streams=[CPU])
    assert recorded.streams[CPU.label].last_success == 100


def test_a_clock_that_was_put_right_takes_back_what_it_said_of_the_future() -> None:
    recorded = board()
    ahead = 8000 * 365 * 86_400
    for stop, skew in ((100, 0.5), (90, None), (ahead * 10**9, float(ahead)), (ahead * 10**9 + 5, ahead + 1.0)):
        recorded.record(replace(attempt(CPU), stop=stop, clock_skew=skew))
    assert recorded.streams[CPU.label].last_success == ahead * 10**9 + 5
    recorded.record(replace(attempt(CPU), stop=200, clock_skew=-1.0))
    recorded.record(replace(attempt(CPU), stop=150, clock_skew=0.0))  # a backlog's
    assert recorded.streams[CPU.label].last_success == 200


def test_late_streams_are_unhealthy_until_a_cycle_finds_them_in_time() -> None:
    recorded = board(attempt(CPU), attempt(MEM), attempt(POWER))
    assert recorded.failing == []
    recorded.begin_cycle(["POD-8/cpu", "POD-8/mem"])
    assert recorded.failing == ["POD-8/cpu", "POD-8/mem"]
    recorded.record(attempt(CPU))
    assert recorded.failing == ["POD-8/cpu", "POD-8/mem"]
    recorded.begin_cycle([])
    assert recorded.failing == []


def test_streams_stand_by_source_in_the_configurations_order() -> None:
    recorded = board(streams=(CPU, POWER, MEM))
    by_source = {source: [s.stream.name for s in statuses] for source, statuses in recorded.by_source().items()}
    assert by_source == {"POD-8": ["cpu", "mem"], "POD-30": ["power"]}
    assert list(by_source) == ["POD-8", "POD-30"]


def test_streams_of_one_name_at_two_sources_are_kept_apart() -> None:
    other = replace(CPU, source="POD-30")
    recorded = board(attempt(CPU), attempt(other, error=ERROR), streams=(CPU, other))
    assert recorded.failing == ["POD-30/cpu"]


def test_drops_add_up_by_reason_and_name_the_series() -> None:
    drops = Drops()
    drops.add(DropReason.NOT_A_VALUE, 2, "first")
    drops.add(DropReason.NOT_A_VALUE, 3, "second")
    more = Drops()
    more.add(DropReason.SHADOWED_TAG, 5, "third")
    more.add(DropReason.NOT_A_VALUE, 1, "fourth")
    drops.merge(more)
    assert drops == {
        DropReason.NOT_A_VALUE: Drop(6, {"first": None, "second": None, "fourth": None}),
        DropReason.SHADOWED_TAG: Drop(5, {"third": None}),
    }
    assert drops.points == 11
    assert more == {
        DropReason.SHADOWED_TAG: Drop(5, {"third": None}),
        DropReason.NOT_A_VALUE: Drop(1, {"fourth": None}),
    }


def test_drops_of_a_stream_go_on_over_cycles() -> None:
    recorded = board(attempt(dropped=2))
    recorded.begin_cycle([])
    status = recorded.record(attempt(dropped=3))
    assert status.drops == {DropReason.NOT_A_VALUE: Drop(5, {"cpu example": None})}
    assert (status.cycle.points_dropped, status.total.points_dropped) == (3, 5)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"held": 3, "held_reason": "refused: it is float here"}, "central lacks 3 points of it for good: refused: it"),
        ({"aside": 90 * SECOND, "aside_reason": "500: panic"}, "1 m 30 s of it are set aside: 500: panic"),
        (
            {"uncompared": 121 * SECOND, "uncompared_reason": "memory"},
            "central could not be compared with for 2 m 1 s: me",
        ),
        ({"unprovable": "points are kept for 60 s"}, "points are kept for 60 s"),
    ],
)
def test_what_is_not_known_to_be_in_central_is_no_good_health_though_what_is_new_arrives(
    known: dict[str, object], said: str
) -> None:
    recorded = board(attempt(), streams=[CPU])
    status = recorded.streams[CPU.label]
    status.patience = 120 * SECOND
    assert status.healthy
    assert status.trouble == ""
    status.progress = replace(IN_TIME, **known)  # type: ignore[arg-type]
    assert not status.healthy
    assert status.trouble.startswith(said)
    assert recorded.failing == [CPU.label]


def test_a_question_that_central_leaves_open_for_a_moment_is_no_bad_health() -> None:
    recorded = board(attempt(), streams=[CPU])
    status = recorded.streams[CPU.label]
    status.patience = 120 * SECOND
    status.progress = replace(IN_TIME, uncompared=119 * SECOND, uncompared_reason="memory")
    assert status.healthy


@pytest.mark.parametrize(
    ("interval", "seconds"), [(1, 10), (5, 10), (10, 20), (30, 60), (60, 60), (300, 60)], ids=lambda number: str(number)
)
def test_a_start_lasts_two_intervals_within_reason(interval: int, seconds: int) -> None:
    assert start_lasts(interval * SECOND) == seconds * SECOND


def test_it_is_starting_until_each_stream_has_begun_or_one_has_failed() -> None:
    assert board().starting
    assert board(attempt(CPU), attempt(MEM)).starting
    assert not board(attempt(CPU), attempt(MEM), attempt(POWER)).starting
    assert not board(attempt(CPU, error=ERROR)).starting  # that is known
    one = board(attempt(CPU), attempt(MEM), attempt(POWER))
    for progress in (None, replace(IN_TIME, state=State.LOADING), replace(IN_TIME, state=State.STARTING)):
        one.streams["POD-8/cpu"].progress = progress
        assert one.starting
