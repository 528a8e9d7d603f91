"""What is in flight towards one bucket, held against a slow account of it; an answer costs the same for any number."""

from __future__ import annotations

import sys
from collections import defaultdict
from types import FrameType

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream import flow
from telegraf_plugin.stream.flow import BACKLOG_SHARE, OTHERS_SHARE, PIECES_A_LIMIT, Flow, Load

LIMIT, MAX_BYTES = 100, 1000


class SlowFlow:
    """The same, reckoned anew from all that was printed each time it is asked."""

    def __init__(self) -> None:
        self.open: dict[str, Load] = defaultdict(lambda: Load(0, 0))
        self.marked: dict[str, list[tuple[int, Load]]] = defaultdict(list)
        self.newest_back = 0

    def printed(self, stream: str, load: Load) -> None:
        self.open[stream] = self.open[stream].plus(load)

    def mark(self, stream: str, mark: int) -> None:
        self.marked[stream].append((mark, self.open[stream].plus(Load(1, 0))))
        self.open[stream] = Load(0, 0)

    def back(self, stream: str, mark: int) -> None:
        self.newest_back = max(self.newest_back, mark)
        if stream in self.marked:
            self.marked[stream] = [each for each in self.marked[stream] if each[0] > mark]

    def streams(self) -> set[str]:
        return {*self.open, *self.marked}

    def load(self, stream: str) -> Load:
        loads = [load for _, load in self.marked.get(stream, ())] + [self.open.get(stream, Load(0, 0))]
        return Load(sum(load.lines for load in loads), sum(load.bytes for load in loads))

    def overtaken(self, stream: str) -> bool:
        return any(mark < self.newest_back for mark, _ in self.marked.get(stream, [])[:1])

    def has_room(self, load: Load, live: bool, stream: str) -> bool:
        share = 1.0 if live else BACKLOG_SHARE
        there = [self.load(each) for each in self.streams() if each == stream or not self.overtaken(each)]
        shared = Load(sum(each.lines for each in there), sum(each.bytes for each in there))
        own = self.load(stream)
        most = share if not self.streams() - {stream} else share * (1 - OTHERS_SHARE)
        fits = shared.lines + load.lines <= int(LIMIT * share) and shared.bytes + load.bytes <= int(MAX_BYTES * share)
        of_own = own.lines + load.lines <= int(LIMIT * most) and own.bytes + load.bytes <= int(MAX_BYTES * most)
        return not shared.lines or (fits and (not own.lines or of_own))


LABELS = "abc"
steps = st.lists(
    st.tuples(st.sampled_from(["print", "mark", "back", "late"]), st.sampled_from(LABELS), st.integers(1, 40)),
    max_size=40,
)


@given(steps)
def test_it_says_what_a_slow_account_says(taken: list[tuple[str, str, int]]) -> None:
    fast, slow = Flow(LIMIT, MAX_BYTES), SlowFlow()
    made: dict[str, list[int]] = defaultdict(list)
    for time, (what, label, number) in enumerate(taken, 1):
        if what == "print":
            load = Load(number, number * 11)
            fast.printed(label, load)
            slow.printed(label, load)
        elif what == "mark":
            made[label].append(time)
            fast.marked(label, time)
            slow.mark(label, time)
        elif made[label]:  # the newest, or an older one that is seen late
            mark = made[label][-1] if what == "back" else made[label][number % len(made[label])]
            fast.back(label, mark)
            slow.back(label, mark)
        for each in LABELS:
            assert fast.load(each) == slow.load(each)
            for live in (True, False):
                asked = Load(number, number * 5)
                assert fast.has_room(asked, live, each) is slow.has_room(asked, live, each)


def calls(streams: int) -> int:
    """How many calls and iterations room for a stream costs beside so many others, half of which are overtaken."""
    there, made = Flow(10**6), 0
    for number in range(streams):
        there.printed(f"s{number}", Load(5, 50))
        there.marked(f"s{number}", number + 1)
    there.back(f"s{streams // 2}", streams // 2 + 1)

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call") and frame.f_code.co_filename == flow.__file__

    sys.setprofile(count)
    try:
        for live in (True, False):
            there.has_room(Load(10, 100), live, "s1")
        there.back("s1", 2)
        there.printed("s1", Load(5, 50))
        there.marked("s1", streams + 1)
    finally:
        sys.setprofile(None)
    return made


def test_room_costs_the_same_however_many_streams_there_are() -> None:
    assert calls(3000) == calls(30)


# Who waits for room


PIECE = Load(100 // PIECES_A_LIMIT, 0)


def crowd(lines: int) -> Flow:
    """A flow of a hundred lines in which one stream has so many."""
    flow = Flow(100)
    flow.printed("busy", Load(lines, lines))
    return flow


def test_live_data_that_waits_for_longer_comes_first() -> None:
    flow = crowd(95)
    assert not flow.may_begin(PIECE, True, "a")
    flow.waits("a", True)
    flow.waits("b", True)
    flow = crowd(100 - PIECE.lines)
    assert flow.may_begin(PIECE, True, "b")
    flow.waits("a", True)
    assert not flow.may_begin(PIECE, True, "b")  # what room there is, is a's
    assert flow.may_begin(PIECE, True, "a")
    flow.waits("a", False)
    assert flow.may_begin(PIECE, True, "b")


def test_who_has_waited_for_longer_keeps_nobody_from_the_rest_of_the_room() -> None:
    flow = crowd(100 - 2 * PIECE.lines)
    flow.waits("a", True)
    assert flow.may_begin(PIECE, True, "b")
    flow.waits("b", True)
    assert not flow.may_begin(PIECE, True, "c")


def test_a_backlog_waits_for_live_data_of_any_stream() -> None:
    flow = crowd(75 - PIECE.lines)
    assert flow.may_begin(PIECE, False, "b")
    flow.waits("b", True)
    assert not flow.may_begin(PIECE, False, "b")
    assert not flow.may_begin(PIECE, False, "c")


def test_nobody_waits_while_nothing_is_in_flight() -> None:
    flow = Flow(100)
    for name in map(str, range(40)):
        flow.waits(name, True)
    assert flow.may_begin(PIECE, True, "39")
