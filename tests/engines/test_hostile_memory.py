"""The plugin's memory stays what it is, whatever a source sends: one that means harm beside one that is good."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from lab.loopback import wait_until
from lab.telegraf import program_path
from tests.behaviours import END, begin_chunked, endless, good, table
from tests.engines.landing import Landing
from tests.engines.memory import LIMIT_MIB, cpu_seconds, peak_mib
from tests.engines.plugin_process import PROGRAM, TOKEN, PluginProcess, queries, source
from tests.exchange import Exchange
from tests.fakes import FakeSource

MANY = 3_000_000
NAMES = 20_000
PAIRS = 400
ADDRESSES = 512 * 2**20
"""Bytes of addresses for a plugin that is not to start: what it takes of them is a tenth in memory."""
QUIET_S = 5.0
"""How long an attack without an end goes on."""
COLUMNS = ("_start", "_stop", "_time", "_value", "_field", "_measurement")


def head(kind: str = "double", tags: tuple[str, ...] = (), default: str = "") -> bytes:
    """Annotations and header of tables with these tags; the last tag's `default`."""
    types = ",".join(["string,long", *["dateTime:RFC3339"] * 3, kind, "string,string", *["string"] * len(tags)])
    groups = ",".join(["false", "false", "true", "true", "false", "false", "true", "true", *["true"] * len(tags)])
    defaults = ",".join(["_result", *[""] * (7 + max(len(tags) - 1, 0)), *([default] if tags else [])])
    names = ",".join(["result", "table", *COLUMNS, *tags])
    return f"#datatype,{types}\r\n#group,{groups}\r\n#default,{defaults}\r\n,{names}\r\n".encode()


def row(table_: int, at: bytes, value: bytes, field: bytes, measurement: bytes, *tags: bytes) -> bytes:
    bounds = b"2026-01-01T00:00:00Z,2026-01-02T00:00:00Z"
    return b",".join([b"", b"", b"%d" % table_, bounds, at, value, field, measurement, *tags]) + b"\r\n"


def times() -> Iterator[bytes]:
    """Times of the last seconds, each another one."""
    now = datetime.fromtimestamp(time.time() - 6, UTC)
    for number in itertools.count():
        yield f"{now:%Y-%m-%dT%H:%M:%S}.{number:09d}Z".encode()


def stream(exchange: Exchange, pieces: Iterator[bytes]) -> None:
    """Send pieces until they end, or nobody wants more, some 64 KiB at a time."""
    begin_chunked(exchange)
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > 65_536:
            if exchange.wait(0):
                return
            exchange.chunk(b"".join(held))
            held, size = [], 0
    exchange.chunk(b"".join(held) + END)
    exchange.chunk(b"")


def less_than_nothing(status: bytes) -> Callable[[Exchange], None]:
    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 " + status + b"\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        while not exchange.wait(0):
            exchange.send(b"x" * 65_536)

    return behave


def endless_count(exchange: Exchange) -> None:
    if "count()" not in exchange.query:
        return good(table())(exchange)
    counted = (
        b"#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n"
    )
    return stream(exchange, itertools.chain([counted], itertools.repeat(b",,0,5\r\n")))


def meeting_series(exchange: Exchange) -> None:
    """Two series that the tag `host` makes one; of the first the source has millions of points."""
    if "count()" in exchange.query:
        return good(table())(exchange)
    alone = 'r["host"]' not in exchange.query
    at = times()
    second = (row(1, next(at), b"2", b"f", b"m", b"bad") for _ in range(50_000)) if alone else iter([])
    first = (row(0, next(at), b"1.5", b"f", b"m", b"") for _ in range(10 if alone else MANY))
    return stream(exchange, itertools.chain([head(tags=("host",))], first, second))


def meeting_series_in_earnest(exchange: Exchange) -> None:
    """The same, asked for by its own names: without `host` a series has no filter for it."""
    if "count()" in exchange.query:
        return good(table())(exchange)
    asked = exchange.query.count("filter") > 1
    at = times()
    first = (row(0, next(at), b"1.5", b"f", b"m", b"") for _ in range(MANY if asked else 10))
    second = (row(1, next(at), b"2", b"f", b"m", b"bad") for _ in range(0 if asked else 50_000))
    return stream(exchange, itertools.chain([head(tags=("host",))], first, second))


def names_with_returns(exchange: Exchange) -> None:
    """Thousands of names with a comma, of which each is said to have a carriage return, in every column."""
    if "count()" in exchange.query:
        return good(table())(exchange)
    tags = tuple(f"t{n}" for n in range(30))
    at = next(times())
    names = (b'"n,%d %b"' % (n, b"x" * 200) for n in range(NAMES))
    rows = (row(n, at, b"1", b"f", name, *[name] * 30) for n, name in enumerate(names))
    return stream(exchange, itertools.chain([head(tags=tags)], rows))


def deep_exported(exchange: Exchange) -> None:
    """Pairs of series that become the same, whose tags were exported sixty times by key."""
    if "count()" in exchange.query:
        return good(table())(exchange)
    keys = ("field", "source_bucket", "source")
    tags = tuple("exported_" * n + key for key in keys for n in range(61))
    at = times()

    def rows() -> Iterator[bytes]:
        for number in itertools.count():
            own, deep = ([b"x"] * 60 + [b""]) * 3, ([b""] + [b"x"] * 60) * 3
            yield row(2 * number, next(at), b"1", b"f%d" % (number % 3000), b"m", *own)
            yield row(2 * number + 1, next(at), b"1", b"f%d" % (number % 3000), b"m", *deep)

    return stream(exchange, itertools.chain([head(tags=tags)], itertools.islice(rows(), PAIRS)))


def flood(exchange: Exchange) -> None:
    """Points of which each has a measurement, a field, a time and a tag of its own, until nobody wants more."""
    if "count()" in exchange.query:
        return good(table())(exchange)
    at = times()
    rows = (row(n, next(at), b"1.5", b"f%d" % n, b"m%d" % n, b"t%d" % n) for n in itertools.count())
    return stream(exchange, itertools.chain([head(tags=("tag",))], rows))


def long_default(exchange: Exchange) -> None:
    """A tag of 60 kB that is said once for a hundred thousand short rows."""
    if "count()" in exchange.query:
        return good(table())(exchange)
    at = times()
    rows = (row(0, next(at), b"1", b"f", b"m", b"") for _ in range(5_000))
    return stream(exchange, itertools.chain([head(tags=("tag",), default="x" * 60_000)], rows))


ATTACKS: dict[str, Callable[[Exchange], None]] = {
    "chunk_of_less_than_nothing": less_than_nothing(b"200 OK"),
    "and_in_an_error": less_than_nothing(b"500 oops"),
    "and_in_a_refusal": less_than_nothing(b"401 no"),
    "endless_count": endless_count,
    "series_that_meet": meeting_series,
    "series_that_meet_in_earnest": meeting_series_in_earnest,
    "names_with_returns": names_with_returns,
    "exported_sixty_deep": deep_exported,
    "flood_of_series": flood,
    "a_long_name_said_once": long_default,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_memory_stays_within_its_limit_and_the_good_source_is_read(attack: str, tmp_path: Path) -> None:
    with FakeSource(ATTACKS[attack]) as bad, FakeSource(good(table())) as fine, Landing() as landing:
        document = queries(source("bad", bad.url, timeouts={"query": "20s"}), source("fine", fine.url))
        with PluginProcess(tmp_path, document, landing=landing) as plugin:
            plugin.ready().tick()
            until = time.monotonic() + QUIET_S
            plugin.tick_until(lambda: time.monotonic() >= until, "some ticks")
            plugin.tick_until(
                lambda: [x for x in plugin.data if x.tags.get("source") == "fine"], "the good one's point"
            )
            assert peak_mib(plugin.popen.pid) < LIMIT_MIB


def test_tags_that_were_exported_sixty_times_cost_next_to_nothing(tmp_path: Path) -> None:
    """Every way in which they can have come about was tried, which took three quarters of a processor for ever."""
    with FakeSource(deep_exported) as bad, PluginProcess(tmp_path, queries(source("bad", bad.url))) as plugin:
        plugin.ready().tick()
        wait_until(lambda: plugin.output.count(b"\nm,") >= PAIRS // 2, "what can pass of them", 60, 0.5)
        assert cpu_seconds(plugin.popen.pid) < 15.0


def central_of_marks(exchange: Exchange) -> None:
    """Marks without an end, of ever other streams and times, whatever is asked for."""
    columns = "_time,_value,_field,source,stream"
    kinds = "dateTime:RFC3339,string,string,string,string"
    begin_chunked(exchange)
    head_ = f"#datatype,string,long,{kinds}\r\n#group,false,false{',false' * 5}\r\n#default,_result,{',' * 5}\r\n"
    exchange.chunk(f"{head_},result,table,{columns}\r\n".encode())
    now, numbers = time.time_ns(), itertools.count()
    at = f"{datetime.fromtimestamp(now // 10**9 - 60, UTC):%Y-%m-%dT%H:%M:%S}Z"
    while not exchange.wait(0):
        rows = (f",,0,{at},{now - n}@00000000,id,s{n},s{n}\r\n" for n in itertools.islice(numbers, 1000))
        exchange.chunk("".join(rows).encode())


@pytest.mark.parametrize(
    "attack", [less_than_nothing(b"200 OK"), less_than_nothing(b"500 oops"), endless_count, central_of_marks, endless]
)
def test_memory_stays_within_its_limit_whatever_central_answers(
    attack: Callable[[Exchange], None], tmp_path: Path
) -> None:
    """No source can be read then, since the ledger cannot; the plugin is there, and says so."""
    with FakeSource(good(table())) as fine, FakeSource(attack) as central:
        document = queries(source("fine", fine.url))
        document["central"]["url"] = central.url
        with PluginProcess(tmp_path, document) as plugin:
            plugin.tick()
            until = time.monotonic() + QUIET_S
            plugin.tick_until(lambda: time.monotonic() >= until and len(central.requests) > 0, "some ticks")
            assert plugin.popen.poll() is None
            assert peak_mib(plugin.popen.pid) < LIMIT_MIB


MEASURED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
error = [(os.POSIX_SPAWN_DUP2, 2, 1)]
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=error)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a program within so many bytes of addresses, and prints its peak (KiB). A process' peak begins with that of the
one that starts it: this one is small, pytest is not."""


def refused(folder: Path, document: Path, env: dict[str, str]) -> list[str]:
    """What is said of a configuration that cannot be used; in so little time the plugin has taken no more memory."""
    with (folder / "said").open("wb") as said:
        plugin = subprocess.run(
            [sys.executable, "-S", "-c", MEASURED, str(ADDRESSES), str(PROGRAM), "--config", str(document)],
            cwd=folder,
            env={"PATH": program_path(), "TOKEN": TOKEN, "CENTRAL_TOKEN": TOKEN, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            timeout=30,
            check=False,
        )
    assert plugin.returncode == 2
    assert int(plugin.stdout) / 1024 < LIMIT_MIB
    return (folder / "said").read_text().splitlines()


def endless_file(folder: Path, name: str) -> Path:
    """A device, or a file of 2 GiB that takes no room."""
    if name == "zero":
        return Path("/dev/zero")
    file = folder / "sparse"
    with file.open("wb") as content:
        content.truncate(2 * 2**30)
    return file


@pytest.mark.parametrize(("name", "why"), [("zero", "is no regular file"), ("sparse", "is larger than 131,072 bytes")])
def test_a_queries_yaml_without_an_end_is_refused_in_one_line(name: str, why: str, tmp_path: Path) -> None:
    """It took 1.9 GB, and ended in a traceback."""
    file = endless_file(tmp_path, name)
    lines = refused(tmp_path, file, {})
    assert len(lines) == 2
    assert lines[0].startswith(f"E! {file}: {why}")


@pytest.mark.parametrize("name", ["zero", "sparse"])
@pytest.mark.parametrize("place", ["token_file", "tls_ca", "tls_cert", "settings"])
def test_every_file_that_a_start_reads_has_an_end(place: str, name: str, tmp_path: Path) -> None:
    file, env = endless_file(tmp_path, name), {}
    pod = source("pod", "https://127.0.0.1:1")
    if place == "settings":
        env["COLLECTOR_ENV_FILE"] = str(file)
    else:
        pod[place] = str(file)
        if place == "token_file":
            del pod["token"]
        if place == "tls_cert":
            pod["tls_key"] = str(file)
    document = tmp_path / "queries.yaml"
    document.write_text(yaml.safe_dump(queries(pod)))
    lines = refused(tmp_path, document, env)
    assert str(file) in lines[0]
    assert "Traceback" not in "".join(lines)
