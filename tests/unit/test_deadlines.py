"""What is ended when its time is over: by one thread, and nothing of what has ended by itself is held."""

from __future__ import annotations

import gc
import threading
import weakref
from functools import partial

from telegraf_plugin.influxdb.deadlines import Deadlines


class Reply:
    def __init__(self) -> None:
        self.ended = threading.Event()

    def end(self) -> None:
        self.ended.set()


def test_what_is_late_is_ended_the_earliest_first() -> None:
    deadlines = Deadlines("deadlines-order")
    order: list[str] = []
    done = threading.Event()

    def end(word: str) -> None:
        order.append(word)
        if word == "late":
            done.set()

    deadlines.after(0.05, partial(end, "late"))
    deadlines.after(0.01, partial(end, "early"))
    assert done.wait(10)
    assert order == ["early", "late"]


def test_what_has_ended_by_itself_is_left_alone_and_not_held() -> None:
    deadlines = Deadlines("deadlines-cancel")
    reply, other = Reply(), Reply()
    gone = weakref.ref(reply)
    deadlines.after(3600, reply.end).cancel()
    ended = reply.ended
    del reply
    gc.collect()
    assert gone() is None
    deadlines.after(0.0, other.end)
    assert other.ended.wait(10)
    assert not ended.is_set()


def test_one_that_fails_keeps_no_other_from_its_end() -> None:
    deadlines, reply = Deadlines("deadlines-fail"), Reply()

    def fail() -> None:
        raise OSError("it has ended just now")

    deadlines.after(0.0, fail)
    deadlines.after(0.01, reply.end)
    assert reply.ended.wait(10)


def test_however_many_there_are_one_thread_watches_them_and_forgets_what_was_cancelled() -> None:
    deadlines = Deadlines("deadlines-many")
    for _ in range(1000):
        deadlines.after(3600, lambda: None).cancel()
    assert sum(thread.name == "deadlines-many" for thread in threading.enumerate()) == 1
    assert len(deadlines._waiting) == 1  # each one new takes away those before it
