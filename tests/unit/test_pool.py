"""So many threads and no more: whoever hangs, what is quick is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.execution.pool import Pool
from tests.unit.test_inflight import soon

MOST = 4


class Bench:
    """A pool, and what was done in it."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.pool = Pool("pool-test", self.closed.set, MOST)
        self.go_on = threading.Event()
        self.done: list[str] = []
        self.begun: list[str] = []

    def hangs(self, name: str, answers: bool = True) -> Callable[[], bool]:
        def do() -> bool:
            self.begun.append(name)
            self.go_on.wait(10)
            self.done.append(name)
            return answers

        return do

    def quick(self, name: str, answers: bool = True) -> Callable[[], bool]:
        def do() -> bool:
            self.done.append(name)
            return answers

        return do


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.go_on.set()


def test_however_much_there_is_to_do_threads_are_bounded_and_all_of_it_is_done(bench: Bench) -> None:
    for number in range(100):
        bench.pool.submit(f"s{number}", 1, bench.quick(str(number)))
    assert soon(lambda: len(bench.done) == 100)
    assert sum(thread.name.startswith("pool-test-") for thread in threading.enumerate()) <= MOST


def test_a_server_has_its_share_and_no_more(bench: Bench) -> None:
    for number in range(3):
        bench.pool.submit("slow", 2, bench.hangs(str(number)))
    bench.pool.submit("other", 1, bench.quick("quick"))
    assert soon(lambda: bench.done == ["quick"])
    assert bench.begun == ["0", "1"]
    assert len(bench.pool.threads("slow")) == 2
    bench.go_on.set()
    assert soon(lambda: len(bench.done) == 4)
    assert soon(lambda: not bench.pool.threads("slow"))


def test_what_may_take_long_leaves_half_of_the_threads_to_what_does_not(bench: Bench) -> None:
    for number in range(20):
        bench.pool.submit(f"backlog{number}", 1, bench.hangs("backlog"), patient=True)
    bench.pool.submit("live", 1, bench.quick("live"))
    assert soon(lambda: bench.done == ["live"])
    assert soon(lambda: len(bench.begun) == MOST // 2)


def test_servers_that_did_not_answer_leave_half_of_the_threads_to_those_that_do(bench: Bench) -> None:
    dead = [f"dead{number}" for number in range(20)]
    for name in dead:
        bench.pool.submit(name, 1, bench.quick(name, answers=False))
    assert soon(lambda: len(bench.done) == len(dead) and not any(map(bench.pool.threads, dead)))
    for name in dead:
        bench.pool.submit(name, 1, bench.hangs(name, answers=False))
    bench.pool.submit("alive", 1, bench.quick("alive"))
    assert soon(lambda: bench.done[-1] == "alive")
    assert soon(lambda: len(bench.begun) == MOST // 2)
    bench.go_on.set()
    assert soon(lambda: len(bench.done) == 2 * len(dead) + 1)  # each in its turn


def test_a_server_that_answers_again_is_as_any_other(bench: Bench) -> None:
    bench.pool.submit("back", 1, bench.quick("0", answers=False))
    assert soon(lambda: bench.done == ["0"])
    bench.pool.submit("back", 1, bench.quick("1"))
    assert soon(lambda: bench.done == ["0", "1"])
    for number in range(MOST // 2):
        bench.pool.submit(f"backlog{number}", 1, bench.hangs("backlog"), patient=True)
    assert soon(lambda: len(bench.begun) == MOST // 2)
    bench.pool.submit("back", 1, bench.quick("2"))
    assert soon(lambda: bench.done[-1] == "2")


def test_servers_take_turns(bench: Bench) -> None:
    for number in range(MOST):
        bench.pool.submit(f"busy{number}", 1, bench.hangs("busy"))
    assert soon(lambda: len(bench.begun) == MOST)
    for number in range(3):
        bench.pool.submit("many", 1, bench.quick(f"many{number}"))
    bench.pool.submit("one", 1, bench.quick("one"))
    bench.go_on.set()
    assert soon(lambda: len(bench.done) == MOST + 4)
    assert bench.done.index("one") < bench.done.index("many2")


def test_when_nobody_reads_the_lines_that_is_told(bench: Bench) -> None:
    def do() -> bool:
        raise OutputClosed("standard output is closed")

    bench.pool.submit("s", 1, do)
    assert bench.closed.wait(10)
