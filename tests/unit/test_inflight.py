"""Flow control: what may be in flight towards one bucket, and how those wait who find no room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import NoRoom
from telegraf_plugin.stream.flow import MARKS_A_LIMIT, Flow, Load
from telegraf_plugin.telegraf import inflight
from telegraf_plugin.telegraf.inflight import InFlightWindow

PATIENCE = 10.0
"""Seconds within which what must happen happens, on the slowest machine."""


def never() -> None:
    pytest.fail("nothing was to be waited for")


# Flow


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["print", "mark", "back"]), st.integers(1, 50))))
def test_what_is_printed_is_in_flight_until_a_mark_behind_it_is_back(steps: list[tuple[str, str, int]]) -> None:
    flow = Flow(100)
    model: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}  # lines and marks, as they stand in the buffer
    for clock, (stream, what, number) in enumerate(steps):
        queue = model[stream]
        if what == "print":
            flow.printed(stream, Load(number, 0))
            queue.append(("lines", number))
        elif what == "mark":
            flow.marked(stream, clock)
            queue += [("lines", 1), ("mark", clock)]
        else:
            marks = [time for kind, time in queue if kind == "mark"]
            time = marks[number % len(marks)] if marks else clock
            flow.back(stream, time)
            if marks:
                model[stream] = queue[queue.index(("mark", time)) + 1 :]
        for name, left in model.items():
            assert flow.lines(name) == sum(lines for kind, lines in left if kind == "lines")
            behind = left[max((at for at, (kind, _) in enumerate(left, 1) if kind == "mark"), default=0) :]
            assert flow.unmarked(name) == bool(behind)
            assert flow.needs_mark(name) == (sum(lines for _, lines in behind) >= 100 // MARKS_A_LIMIT)
        assert flow.lines() == flow.lines("a") + flow.lines("b")


def test_live_lines_have_all_of_the_limit_and_a_backlog_three_quarters() -> None:
    flow = Flow(100)
    flow.printed("a", Load(40, 0))
    assert (flow.has_room(Load(60, 0), live=True), flow.has_room(Load(61, 0), live=True)) == (True, False)
    assert (flow.has_room(Load(35, 0), live=False), flow.has_room(Load(36, 0), live=False)) == (True, False)


def test_more_than_the_limit_passes_when_nothing_is_in_flight() -> None:
    flow = Flow(100)
    assert flow.has_room(Load(1000, 0), live=True)
    assert flow.has_room(Load(1000, 0), live=False)
    flow.printed("a", Load(1, 0))
    assert not flow.has_room(Load(1000, 0), live=True)


def test_bytes_are_bounded_beside_lines() -> None:
    flow = Flow(1000, 100)
    flow.printed("a", Load(1, 40))
    assert (flow.has_room(Load(1, 60), live=True), flow.has_room(Load(1, 61), live=True)) == (True, False)
    assert (flow.has_room(Load(1, 35), live=False), flow.has_room(Load(1, 36), live=False)) == (True, False)
    assert (flow.load("a"), flow.load("b"), flow.load()) == (Load(1, 40), Load(0, 0), Load(1, 40))


def test_an_eighth_of_the_bytes_wants_a_mark_and_they_are_free_when_it_is_back() -> None:
    flow = Flow(1000, 100)
    flow.printed("a", Load(1, 11))
    assert not flow.needs_mark("a")
    flow.printed("a", Load(1, 1))
    assert flow.needs_mark("a")
    flow.marked("a", 7)
    assert (flow.needs_mark("a"), flow.load()) == (False, Load(3, 12))
    flow.printed("a", Load(1, 5))
    flow.back("a", 7)
    assert flow.load() == Load(1, 5)


def test_a_stream_whose_marks_never_come_leaves_room_to_its_neighbours() -> None:
    flow = Flow(100)
    flow.printed("stuck", Load(1, 1))
    flow.printed("well", Load(1, 1))
    flow.marked("well", 1)
    flow.back("well", 1)
    for _ in range(200):  # it prints whatever it may
        if flow.has_room(Load(1, 1), True, "stuck"):
            flow.printed("stuck", Load(1, 1))
    flow.marked("stuck", 2)
    assert flow.lines("stuck") == 88  # with its mark
    assert flow.has_room(Load(5, 1), True, "well")  # the others' share
    flow.printed("well", Load(5, 1))
    flow.marked("well", 3)
    assert not flow.has_room(Load(50, 1), True, "well")
    flow.back("well", 3)  # which overtakes: what was printed before it has left
    assert flow.has_room(Load(100, 1), True, "well")
    assert not flow.has_room(Load(1, 1), True, "stuck")
    flow.back("stuck", 2)
    assert flow.has_room(Load(87, 1), True, "stuck")


def test_a_stream_that_is_alone_has_all_of_the_limit() -> None:
    flow = Flow(100)
    flow.printed("a", Load(60, 1))
    assert (flow.has_room(Load(40, 1), True, "a"), flow.has_room(Load(41, 1), True, "a")) == (True, False)


# The window


def test_who_finds_no_room_for_bytes_waits_until_a_mark_is_back() -> None:
    window = InFlightWindow(1000, 100)
    window.enter("a", Load(1, 100), True, never)
    window.marked("a", 7)
    outcome = entering(window, "b", Load(1, 1), never)
    assert not window.has_room(live=True)
    assert not outcome
    window.back("a", 7)
    assert soon(lambda: outcome == ["entered"])
    assert window.has_room(live=True)


def test_lines_that_have_room_enter_at_once() -> None:
    window = InFlightWindow(100)
    window.enter("a", Load(60, 0), True, never)
    window.enter("b", Load(40, 0), True, never)
    assert (window.lines(), window.lines("a"), window.lines("b"), window.lines("c")) == (100, 60, 40, 0)


def test_a_reading_begins_only_where_a_sixteenth_has_room() -> None:
    window = InFlightWindow(80)
    window.enter("a", Load(55, 0), True, never)
    assert window.has_room(live=False)
    window.enter("a", Load(1, 0), True, never)
    assert not window.has_room(live=False)
    assert window.has_room(live=True)
    window.enter("a", Load(20, 0), True, never)
    assert not window.has_room(live=True)


def entering(
    window: InFlightWindow, stream: str, load: Load, before_waiting: Callable[[], None], live: bool = True
) -> list[str]:
    """Enter in a thread; the list gets what came of it. Returns once it waits."""
    outcome: list[str] = []

    def enter() -> None:
        try:
            window.enter(stream, load, live, before_waiting)
            outcome.append("entered")
        except NoRoom as error:
            outcome.append(str(error))

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return outcome


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    return holds()


def test_who_finds_no_room_prints_a_mark_first_and_enters_when_it_is_back() -> None:
    window = InFlightWindow(100)
    window.enter("a", Load(100, 0), True, never)
    marked = threading.Event()

    def mark() -> None:
        window.marked("a", 7)
        marked.set()

    outcome = entering(window, "a", Load(50, 0), mark)
    assert marked.wait(PATIENCE)
    window.back("a", 6)  # another one: still no room
    time.sleep(0.02)
    assert not outcome
    window.back("a", 7)
    assert soon(lambda: outcome == ["entered"])
    assert window.lines() == 50


def test_who_has_nothing_without_a_mark_prints_none() -> None:
    window = InFlightWindow(100)
    window.enter("a", Load(100, 0), True, never)
    window.marked("a", 7)
    outcome = entering(window, "b", Load(50, 0), never)
    time.sleep(0.02)
    assert not outcome
    window.back("a", 7)
    assert soon(lambda: outcome == ["entered"])


def test_a_backlog_waits_where_live_lines_pass() -> None:
    window = InFlightWindow(100)
    window.enter("a", Load(70, 0), True, never)
    window.marked("a", 7)
    outcome = entering(window, "b", Load(10, 0), never, live=False)
    window.enter("c", Load(10, 0), True, never)
    assert not outcome
    window.back("a", 7)
    assert soon(lambda: outcome == ["entered"])


def test_patience_ends_when_nothing_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflight, "PATIENCE_SECONDS", 0.05)
    window = InFlightWindow(100)
    window.enter("a", Load(100, 0), True, lambda: None)
    with pytest.raises(NoRoom, match="101 lines of 0 bytes are in flight"):
        window.enter("a", Load(50, 0), True, lambda: window.marked("a", 7))
    assert window.lines() == 101  # and what found no room is not counted


def test_patience_begins_anew_with_each_mark_that_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflight, "PATIENCE_SECONDS", 0.5)
    window = InFlightWindow(100)
    for mark in range(4):
        window.enter("a", Load(24, 0), True, never)
        window.marked("a", mark)
    outcome = entering(window, "b", Load(100, 0), never)
    for mark in range(4):
        time.sleep(0.3)
        assert not outcome
        window.back("a", mark)
    assert soon(lambda: outcome == ["entered"])


def test_a_mark_that_comes_back_before_one_waits_is_not_waited_for() -> None:
    """It came between the look for room and the waiting: the whole of the patience passed for nothing."""
    waited: list[int] = []

    def wait(moved: int, _seconds: float) -> bool:
        waited.append(moved)
        return window.moved != moved

    window = InFlightWindow(100, wait=wait)
    window.enter("a", Load(100, 0), True, never)
    window.marked("a", 7)
    with pytest.raises(NoRoom):
        window.enter("b", Load(50, 0), True, never)
    window.back("a", 7)
    window.enter("b", Load(50, 0), True, never)
    assert waited == [0]
