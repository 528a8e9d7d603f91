"""Which of central's buckets is looked at next: each in its turn, two at a time, slow ones one by one."""

from __future__ import annotations

import pytest

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.turns import SLOW, Turns

SECOND = 1_000_000_000
AWAY = CentralError("away", "wait")


def taken(turns: Turns, now: int = 0) -> list[str]:
    """Take up all whose turn it is."""
    found = []
    while (turn := turns.next(now)) is not None:
        found.append(turn[0])
    return found


def slow(*buckets: str) -> Turns:
    """Turns of four buckets, of which these took their time at the last look; nothing is expected anywhere."""
    turns = Turns("abcd")
    for bucket in "abcd":
        turns.next(0)
        turns.done(bucket, SLOW + 1 if bucket in buckets else SLOW, False, None)
    return turns


def test_two_are_looked_at_at_once_and_the_others_when_one_is_done() -> None:
    turns = Turns("abc")
    assert taken(turns) == ["a", "b"]
    assert turns.wakes_at() is None
    turns.done("b", 0, False, None)
    assert taken(turns) == ["c"]


def test_who_was_looked_at_last_is_the_last_one_next_time() -> None:
    turns = Turns("abc")
    order = []
    for _ in range(6):
        bucket, _ = turns.next(0) or ("", False)
        order.append(bucket)
        turns.done(bucket, 0, False, 0)
    assert order == list("abcabc")


def test_what_is_not_expected_is_not_looked_at_before_a_tick() -> None:
    turns = slow()
    assert turns.wakes_at() is None
    assert taken(turns, 10**18) == []
    turns.tick()
    assert turns.next(0) == ("a", True)


def test_a_look_is_due_when_its_time_has_come_and_sooner_when_a_mark_is_on_its_way() -> None:
    turns = slow()
    turns.expect("b", 7)
    turns.expect("b", 9)
    assert turns.wakes_at() == 7
    assert taken(turns, 6) == []
    assert taken(turns, 7) == ["b"]


def test_of_slow_ones_one_is_looked_at_at_a_time_and_prompt_ones_beside_it() -> None:
    turns = slow("a", "b")
    turns.tick()
    assert taken(turns) == ["a", "c"]
    turns.done("c", 1, True, None)
    assert taken(turns) == ["d"]
    turns.done("d", 1, True, None)
    assert taken(turns) == []  # b waits for a
    assert turns.wakes_at() is None
    turns.done("a", 2, True, None)
    assert taken(turns) == ["b"]


def test_one_that_was_slow_is_not_any_more_when_it_answers_promptly() -> None:
    turns = Turns("ab")
    for took in (SLOW + 1, SLOW):
        turns.tick()
        for _ in "ab":
            (bucket,) = taken(turns) if took == SLOW else [turns.next(0)[0]]  # type: ignore[index]
            turns.done(bucket, took, True, None)
    turns.tick()
    assert sorted(taken(turns)) == ["a", "b"]


def test_one_that_fails_is_left_alone_ever_longer_and_begins_anew_after_an_answer() -> None:
    turns = Turns("a")
    waits = []
    for _ in range(6):
        turns.tick()
        turns.next(0)
        turns.done("a", 0, True, None, AWAY)
        waits.append((turns.wakes_at() or 0) / SECOND)
    assert waits == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    turns.next(10 * SECOND)
    turns.done("a", 0, True, 0)
    turns.next(0)
    turns.done("a", 0, True, None, AWAY)
    assert turns.wakes_at() == SECOND // 2


def test_a_tick_that_came_to_nothing_is_told_with_the_next_look() -> None:
    turns = Turns("a")
    turns.tick()
    assert turns.next(0) == ("a", True)
    turns.done("a", 0, True, None, AWAY)
    assert turns.next(SECOND) == ("a", True)
    turns.done("a", SECOND, True, 5 * SECOND)
    assert turns.next(5 * SECOND) == ("a", False)


@pytest.mark.parametrize(("error", "looked"), [(None, ["a"]), (CentralError("limits", "wait", retry_after=60.0), [])])
def test_a_tick_that_comes_during_a_look_is_looked_at_at_once_unless_central_asked_to_be_left_alone(
    error: CentralError | None, looked: list[str]
) -> None:
    turns = Turns("a")
    turns.next(0)
    turns.tick()
    turns.done("a", 0, False, 30 * SECOND, error)
    assert taken(turns, 0) == looked
    turns = Turns("a")
    turns.next(0)
    turns.done("a", 0, False, None, error)
    turns.tick()
    assert taken(turns, 60 * SECOND - 1) == looked
    turns.done("a", 60 * SECOND, True, None) if looked else None
    turns.tick()
    assert taken(turns, 60 * SECOND) == ["a"]


def test_a_tick_may_wait_for_marks_and_the_next_tick_no_longer() -> None:
    """Ticks that come more often than marks are waited for must not put off the look for ever."""
    turns = Turns("ab")
    assert taken(turns) == ["a", "b"]
    for bucket in "ab":
        turns.done(bucket, 0, False, None)
    turns.tick({"a": 4 * SECOND})
    assert taken(turns, SECOND) == ["b"]
    assert turns.wakes_at() == 4 * SECOND
    turns.tick({"a": 5 * SECOND})
    assert taken(turns, SECOND) == ["a"]
