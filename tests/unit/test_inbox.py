"""What threads tell goes to the loop together, and a signal keeps its place among it."""

from __future__ import annotations

from telegraf_plugin.inbox import MOST_AT_ONCE, Inbox, Signal


def filled(*events: Signal | int) -> Inbox[int]:
    inbox: Inbox[int] = Inbox()
    for event in events:
        inbox.put(event)
    return inbox


def test_what_was_told_comes_together_and_up_to_a_signal() -> None:
    inbox = filled(1, 2, 3, Signal.TICK, 4, Signal.TERMINATE)
    assert (inbox.next(0.0), inbox.told()) == (1, [2, 3])
    assert inbox.told() == []  # the signal is first
    assert inbox.next(0.0) is Signal.TICK
    assert (inbox.next(0.0), inbox.told()) == (4, [])
    assert inbox.next(0.0) is Signal.TERMINATE
    assert inbox.next(0.0) is None


def test_a_signal_behind_a_signal_waits_for_its_turn() -> None:
    inbox = filled(Signal.TICK, Signal.CLOSED, 1)
    assert [inbox.next(0.0) for _ in range(4)] == [Signal.TICK, Signal.CLOSED, 1, None]


def test_no_more_than_so_much_is_handed_on_together() -> None:
    inbox = filled(*range(2 * MOST_AT_ONCE + 1))
    assert inbox.next(0.0) == 0
    assert inbox.told() == list(range(1, MOST_AT_ONCE + 1))
    assert inbox.told() == list(range(MOST_AT_ONCE + 1, 2 * MOST_AT_ONCE + 1))
    assert inbox.told() == []
