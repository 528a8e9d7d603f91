"""What commands of one time ask of a server is one request, however many streams; each has its own outcome."""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from telegraf_plugin.config import Credential, Server
from telegraf_plugin.errors import CentralError, SourceError, TransientError
from telegraf_plugin.execution import executor as executor_module
from telegraf_plugin.execution.executor import Executor, Told
from telegraf_plugin.influxdb import bundle, layouts
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.statements import MANY
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import Outcome
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.core_bench import BEGIN, HOUR, SECOND
from tests.unit.core_bench import stream as stream_of
from tests.unit.executor_bench import Output, command
from tests.unit.test_messagepack import document, series

SPAN = (BEGIN - 60 * SECOND, BEGIN)
MEASUREMENTS = ("cpu", "mem")
TAGS = (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE)
SOURCES = ("POD-1", "POD-2")


class Client:
    """A server with two measurements of a field each, two points of each stream's; counts what is asked."""

    speaks_flux, clock_skew, url = True, 0.0, "http://server:8086"

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.look_ups = 0
        self.fails: SourceError | None = None
        self.refuses = ""  # a statement with that in it
        self.less = ""  # of that stream's bucket a point is missing

    def bucket(self, name: str) -> Bucket:
        self.look_ups += 1
        if self.fails is not None:
            raise self.fails
        return Bucket(0, HOUR, f"id of {name}", "org")

    def mapped_places(self, _org: str) -> dict[Place, set[str]]:
        return {}

    def place(self, bucket: Bucket) -> Place:
        return Place(bucket.id.removeprefix("id of "), "autogen")

    def redact(self, text: str) -> str:
        return text

    def rows(self, _place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        self.asked.append(statements)
        if self.fails is not None:
            raise self.fails
        for number, text in enumerate(statements):
            if self.refuses and self.refuses in text:
                yield document(number) + b"\x81\xa5error\xa6no way"
                return
            yield document(number, *self._found(text))

    def _found(self, text: str) -> list[dict[str, Any]]:
        if text.startswith("SHOW MEASUREMENTS"):
            return [series(*([name] for name in MEASUREMENTS), name="measurements")]
        names = re.findall(r'"autogen"\."(\w+)"', text)
        if text.startswith("SHOW FIELD KEYS"):
            return [series(["f0", "float"], name=name) for name in names]
        (name,) = names
        if "GROUP BY" in text and "count(" in text:
            tags = [{"source": source, "source_bucket": f"b{at}"} for source in SOURCES for at in range(40)]
            return [self._count(name, each["source_bucket"], each) for each in tags]
        if "count(" in text:
            return [self._count(name, (re.findall(r"'(b\d+)'|\"(b\d+)\"\.", text) or [("", "")])[0][0])]
        own = dict(re.findall(r'"(source|source_bucket)"::tag = .([^\']+)', text))  # of what central has
        return [series([SPAN[0], 1.5], name=name, tags=own)]

    def _count(self, name: str, bucket: str, tags: dict[str, str] | None = None) -> dict[str, Any]:
        points = 1 - (bool(self.less) and bucket == self.less and name == "cpu")
        found = series([0, points], name=name, tags=tags)
        return found | {"columns": ["time", "count_f0"]}


class Bench:
    """An executor between servers that count. `read`: the language in which sources are read."""

    read = ReadWay.AUTO

    def __init__(self, monkeypatch: pytest.MonkeyPatch, streams: int) -> None:
        self.streams = [
            replace(
                stream_of(f"s{at}"),
                source=source,
                bucket=f"b{at}",
                central_bucket=f"landing{at % 2}",
                measurements=(),
                tags=(),
                exclude_fields=(),
                flux=None,
                aggregate=None,
                metadata_tags=TAGS,
            )
            for source in SOURCES
            for at in range(streams)
        ]
        self.sources = {name: Client() for name in SOURCES}
        self.central = Client()
        self.output = Output()
        self.told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        monkeypatch.setattr(executor_module, "client_of", lambda each: each.name)
        monkeypatch.setattr(
            executor_module,
            "reader_of",
            lambda _, name: SourceReader(cast(QueryClient, self.sources[name]), self.read),
        )
        server = Server("http://central:8086", "org", Credential("t"), read=ReadWay.AUTO)
        reader = CentralReader(server, "metrics", cast(QueryClient, self.central))
        config = SimpleNamespace(sources=[SimpleNamespace(name=name, concurrent_queries=1) for name in SOURCES])
        windows = {f"landing{at}": InFlightWindow(100_000) for at in range(2)}
        self.executor = Executor(
            cast(Any, config), reader, windows, cast(LineWriter, self.output), self.told.put, lambda: None
        )


def done(bench: Bench, job: jobs.Job) -> dict[StreamDefinition, Outcome]:
    """Have a job done for all streams at once, those of a source in one batch; returns what became of each."""
    clients = (bench.central, *bench.sources.values())
    for client in clients:
        client.asked.clear()
    commands = [replace(command(job, each), batch=1, light=True) for each in bench.streams]
    bench.executor.submit(*commands)
    outcomes: dict[StreamDefinition, Outcome] = {}
    while len(outcomes) < len(commands):
        told = bench.told.get(timeout=10)
        if isinstance(told, Outcome):
            assert told.command.stream not in outcomes
            outcomes[told.command.stream] = told
    return outcomes


CHECK = jobs.Check(((SPAN,),))


@pytest.mark.parametrize("streams", [3, 40])
@pytest.mark.parametrize("job", [CHECK, jobs.Land(SPAN, 2), jobs.Recheck(SPAN, False)])
def test_counts_of_all_streams_are_one_request_a_bucket_of_central_and_one_a_source(
    monkeypatch: pytest.MonkeyPatch, streams: int, job: jobs.Job
) -> None:
    bench = Bench(monkeypatch, streams)
    done(bench, job)
    outcomes = done(bench, job)
    assert not any(isinstance(each.result, Exception) for each in outcomes.values())
    assert len(bench.central.asked) == 2
    if streams > MANY:  # one for all, whatever their number
        assert sum(map(len, bench.central.asked)) == 2 * (1 + len(MEASUREMENTS))
    here = 0 if isinstance(job, jobs.Land) else 1
    assert [len(client.asked) for client in bench.sources.values()] == [here, here]


@pytest.mark.parametrize("streams", [3, 40])
def test_points_of_all_streams_are_one_request_of_a_source_and_each_has_its_lines_and_its_mark(
    monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    bench = Bench(monkeypatch, streams)
    done(bench, jobs.Copy(SPAN, live=True))
    bench.output.lines.clear()
    outcomes = done(bench, jobs.Copy(SPAN, live=True))
    results = [each.result for each in outcomes.values()]
    assert all(isinstance(each, jobs.Copied) and each.points_read == len(MEASUREMENTS) for each in results)
    assert [len(client.asked) for client in bench.sources.values()] == [1, 1]
    marks = [line for line in bench.output.lines if line.startswith(b"collector_ledger,")]
    assert len(marks) == len(bench.streams)


@pytest.mark.parametrize("job", [jobs.Prove(SPAN, None), jobs.Recheck(SPAN, by_hash=True)])
def test_hashes_of_all_streams_are_one_request_a_bucket_of_central_and_one_a_source(
    monkeypatch: pytest.MonkeyPatch, job: jobs.Job
) -> None:
    bench = Bench(monkeypatch, 5)
    done(bench, job)
    outcomes = done(bench, job)
    assert all(isinstance(each.result, jobs.Proved | jobs.Swept) and each.result.equal for each in outcomes.values())
    assert [len(client.asked) for client in (bench.central, *bench.sources.values())] == [2, 1, 1]


FULL_HOUR = (BEGIN // HOUR + 1) * HOUR
OVER_IT = (FULL_HOUR - 60 * SECOND, FULL_HOUR + 20 * SECOND)


@pytest.mark.parametrize(
    "job",
    [
        jobs.Copy(OVER_IT, live=True),
        jobs.Check((((OVER_IT[0], FULL_HOUR), (FULL_HOUR, OVER_IT[1])),)),
        jobs.Check((((OVER_IT[0], FULL_HOUR),), ((FULL_HOUR, OVER_IT[1]),))),
        jobs.Land(OVER_IT, 2),
        jobs.Prove(OVER_IT, None),
        jobs.Recheck(OVER_IT, by_hash=True),
    ],
    ids=lambda job: type(job).__name__,
)
def test_what_is_cut_at_a_full_hour_is_asked_together_as_well(monkeypatch: pytest.MonkeyPatch, job: jobs.Job) -> None:
    bench = Bench(monkeypatch, 5)
    done(bench, CHECK)
    done(bench, job)
    outcomes = done(bench, job)
    assert not any(isinstance(each.result, Exception) for each in outcomes.values())
    assert len(bench.central.asked) == (0 if isinstance(job, jobs.Copy) else 2)
    assert {len(client.asked) for client in bench.sources.values()} == {0 if isinstance(job, jobs.Land) else 1}


def test_how_measurements_look_is_asked_anew_with_their_points(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 5)
    done(bench, CHECK)  # where the buckets are is known, and which measurements they have
    done(bench, jobs.Copy(SPAN, live=True))
    assert [len(client.asked) for client in bench.sources.values()] == [1, 1]
    monkeypatch.setattr(layouts, "LAYOUT_SECONDS", 0.0)  # what is known is too old
    outcomes = done(bench, jobs.Copy(SPAN, live=True))
    assert all(isinstance(each.result, jobs.Copied) for each in outcomes.values())
    for client in bench.sources.values():
        (asked,) = client.asked
        assert sum(text.startswith("SHOW FIELD KEYS") for text in asked) == 5


def test_what_is_gone_over_rests_by_its_part_of_what_all_of_them_took(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = 40
    bench = Bench(monkeypatch, streams)
    done(bench, CHECK)
    asked = bench.central.asked  # each of its answers takes 100 s by that clock
    monkeypatch.setattr(bundle, "time", SimpleNamespace(monotonic_ns=lambda: len(asked) * 100 * SECOND))
    part = 100 * SECOND // streams
    outcomes = done(bench, jobs.Recheck(SPAN, False))
    assert all(part <= each.took < 5 * part for each in outcomes.values())  # two buckets, of 40 streams each


def test_what_is_given_before_a_bucket_is_asked_goes_into_one_request_with_what_was_given_before() -> None:
    server = Server("http://central:8086", "org", Credential("t"), read=ReadWay.AUTO)
    reader = CentralReader(server, "metrics", cast(QueryClient, Client()))
    first = reader.bundle("a", [])
    assert reader.bundle("a", []) is first
    assert reader.bundle("b", []) is not first
    first.ask()
    assert reader.bundle("a", []) is not first


def test_what_differs_is_one_streams_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 5)
    bench.central.less = "b3"
    outcomes = done(bench, CHECK)
    unequal = {each.name for each, outcome in outcomes.items() if not cast(list[jobs.Counted], outcome.result)[0].equal}
    assert unequal == {"s3"}


def test_a_central_that_does_not_answer_fails_each_and_is_asked_once_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 20)
    done(bench, CHECK)
    bench.central.fails = TransientError("timed out", "wait")
    outcomes = done(bench, CHECK)
    assert all(isinstance(each.result, CentralError) for each in outcomes.values())
    assert len(bench.central.asked) == 2


@pytest.mark.parametrize("job", [CHECK, jobs.Copy(SPAN, live=True)])
def test_servers_that_do_not_say_where_a_bucket_is_are_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, job: jobs.Job
) -> None:
    bench = Bench(monkeypatch, 20)
    for silent in (bench.central, *bench.sources.values()):
        silent.fails = TransientError("timed out", "wait")
    outcomes = done(bench, job)
    assert all(isinstance(each.result, TransientError) for each in outcomes.values())
    assert [client.look_ups for client in bench.sources.values()] == [1, 1]
    for silent in bench.sources.values():
        silent.fails = None
    outcomes = done(bench, CHECK)
    assert all(isinstance(each.result, CentralError) for each in outcomes.values())
    assert bench.central.look_ups == 2  # a bucket


def test_a_source_that_does_not_answer_fails_its_own_streams_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 20)
    done(bench, CHECK)
    bench.sources["POD-1"].fails = TransientError("timed out", "wait")
    outcomes = done(bench, jobs.Copy(SPAN, live=True))
    for stream, outcome in outcomes.items():
        assert isinstance(outcome.result, TransientError if stream.source == "POD-1" else jobs.Copied)
    assert len(bench.sources["POD-1"].asked) == 1


def test_a_bucket_that_is_refused_is_its_own_streams_failure_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """InfluxQL answers nothing that stands behind it: the others ask alone."""
    bench = Bench(monkeypatch, 5)
    done(bench, CHECK)
    bench.sources["POD-1"].refuses = 'FROM "b3"'
    outcomes = done(bench, CHECK)
    for stream, outcome in outcomes.items():
        if (stream.source, stream.name) != ("POD-1", "s3"):
            assert isinstance(outcome.result, list)
            assert outcome.result[0].equal
