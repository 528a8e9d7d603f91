"""What a command is done with: exactly one outcome for each, a failure is one of them."""

from __future__ import annotations

from typing import cast

import pytest

from telegraf_plugin.errors import (
    BadReply,
    CentralError,
    NoRoom,
    OutputClosed,
    PermanentError,
    SourceError,
    TransientError,
)
from telegraf_plugin.execution.executor import read_ledger
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import (
    Adopt,
    Asked,
    LedgerPart,
    LookUp,
    LookUpSource,
    MarkIds,
    PrintMark,
    Probe,
    ReadLedger,
    ReadMarkIds,
    SourceLookedUp,
    StreamJob,
)
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import END, span
from telegraf_plugin.telegraf.printer import Printer
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.core_bench import BEGIN, HOUR
from tests.unit.executor_bench import WHOLE, A, Bench, Central, command


@pytest.fixture
def bench() -> Bench:
    return Bench()


# One command


def test_a_copy_prints_lines_and_the_mark_behind_them_which_is_told_first(bench: Bench) -> None:
    outcome = bench.do(jobs.Copy(WHOLE, live=True))
    assert isinstance(outcome.result, jobs.Copied)
    assert (outcome.stats.points, outcome.stats.sent, outcome.skew) == (2, 2, 1.5)
    lines, mark = bench.output.lines
    assert lines.count(b"\n") == 2
    assert mark.startswith(b"collector_ledger,")
    assert bench.output.told_before == [0, 1]
    (told,) = bench.output.told
    assert (told.stream, told.mark.id) == (A.id, outcome.result.mark)
    assert told.mark.printed == span(*WHOLE) == told.mark.sent
    assert bench.window.lines() == 3


def test_each_mark_of_a_command_is_later_and_what_is_mirrored_goes_with_the_first(bench: Bench) -> None:
    printer = Printer(
        command(PrintMark()), cast(LineWriter, bench.output), bench.window, bench.output.told.append, lambda: bench.now
    )
    printer.mark()
    bench.now -= HOUR  # the clock goes back
    printer.mark()
    first, second = bench.output.told
    assert second.mark.id.time == first.mark.id.time + 1
    assert (first.mirrored is None, second.mirrored is None) == (False, True)
    assert [b"collector_origin" in lines for lines in bench.output.lines] == [True, False]


@pytest.mark.parametrize(
    ("job", "result"), [(Adopt(), Bucket(0, HOUR)), (Probe(BEGIN), None), (jobs.Land(WHOLE, 2), 2)]
)
def test_what_prints_nothing_brings_what_was_asked_for(bench: Bench, job: StreamJob, result: object) -> None:
    assert bench.do(job).result == result
    assert bench.output.lines == []


@pytest.mark.parametrize("failure", [TransientError("busy", "wait"), PermanentError("no", "act"), BadReply("cut", "-")])
def test_a_failure_of_the_source_is_an_outcome_and_what_came_before_counts(bench: Bench, failure: SourceError) -> None:
    bench.source.fails = failure
    outcome = bench.do(jobs.Copy(WHOLE, live=True))
    assert outcome.result is failure
    assert (outcome.stats.points, outcome.stats.sent) == (2, 2)
    assert bench.output.lines[-1].startswith(b"collector_ledger,")  # nothing is left without a mark behind it


@pytest.mark.parametrize("bug", [KeyError("what"), RecursionError(), MemoryError(), UnicodeError("x"), ValueError()])
def test_an_unexpected_exception_is_its_commands_own(bench: Bench, bug: Exception) -> None:
    bench.source.fails = bug
    result = bench.do(Probe(BEGIN)).result
    assert type(result) is PermanentError
    assert result.summary == f"unexpected: {type(bug).__name__}"
    assert result.__cause__ is bug


def test_a_failure_of_central_and_a_window_that_stays_full_are_outcomes(bench: Bench) -> None:
    bench.central.fails = CentralError("away", "wait")
    assert bench.do(jobs.Land(WHOLE, 2)).result is bench.central.fails
    bench.window.enter("another", Load(1000, 3), True, lambda: None)
    assert isinstance(bench.do(jobs.Copy(WHOLE, live=True)).result, NoRoom)


def test_when_nobody_reads_the_lines_that_is_no_outcome(bench: Bench) -> None:
    bench.output.closed = True
    with pytest.raises(OutputClosed):
        bench.do(jobs.Copy(WHOLE, live=True))


@pytest.mark.parametrize("failure", [None, TransientError("away", "wait")])
def test_how_a_bucket_is_kept_is_told_and_a_failure_says_nothing(bench: Bench, failure: SourceError | None) -> None:
    bench.source.fails = failure
    expected = bench.source.kept if failure is None else None
    assert bench.doer.look_up(LookUpSource(A)) == SourceLookedUp(A, expected)


# The ledger


def test_each_question_to_the_ledger_has_one_outcome() -> None:
    central = Central()
    reader = cast(CentralReader, central)
    names = (A.id, StreamId("POD-8", "b"))
    told = read_ledger(reader, ReadLedger("b", names, 0, 4))
    assert isinstance(told.result, LedgerPart)
    assert dict(told.result.found) == {names[1]: None}
    assert list(told.result.unreadable) == [names[0]]
    assert told.skew == -0.5
    assert read_ledger(reader, ReadMarkIds("b", 5, END)).result == MarkIds({A.id: {MarkId(7, "me")}}, 6, END)
    both = MarkIds({A.id: {MarkId(7, "me")}}, 6, END, Asked())
    assert read_ledger(reader, ReadMarkIds("b", 5, END, asked=True)).result == both
    central.fails = CentralError("away", "wait")
    assert read_ledger(reader, LookUp("b")).result is central.fails
