"""What a source can do that means harm: fill memory, forge lines, logs or health, pass for another, get at tokens."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from lab.loopback import wait_until
from tests.behaviours import END, begin_chunked, good, table
from tests.engines.landing import shared_central
from tests.engines.memory import LIMIT_MIB, peak_mib
from tests.engines.plugin_process import TOKEN, PluginProcess, queries, run_once, source
from tests.exchange import Exchange
from tests.fakes import FakeSource

FIELDS = 120_000
FORGED = "\x1b[2J\x1b]0;owned\x07\u202e\u2028E! forged"


def flood(exchange: Exchange) -> None:
    """Send points of which each has a measurement and a field of its own, until nobody wants more."""
    begin_chunked(exchange)
    head = table().split(b"\r\n,,0")[0]
    exchange.chunk(head + b"\r\n")
    numbers = itertools.count()
    times = b"2026-11-24T10:00:00Z,2026-11-24T11:00:00Z,2026-11-24T10:00:00.1Z"
    while not exchange.wait(0):
        rows = (b",,%d,%b,1.5,f%d,m%d\r\n" % (n, times, n, n) for n in itertools.islice(numbers, 1000))
        exchange.chunk(b"".join(rows))


@pytest.mark.timeout(240)
def test_a_flood_of_series_and_fields_ends_in_bounded_memory(tmp_path: Path) -> None:
    with FakeSource(flood) as fake:
        document = queries(source("s", fake.url, timeouts={"query": "60s"}))
        with PluginProcess(tmp_path, document) as plugin:
            plugin.ready().tick()
            wait_until(lambda: plugin.output.count(b"\n") > FIELDS, f"{FIELDS} points", 150, every_s=0.5)
            assert peak_mib(plugin.popen.pid) < LIMIT_MIB


def test_names_and_values_of_a_source_cannot_forge_a_line_a_log_or_a_tag(tmp_path: Path) -> None:
    name = FORGED.replace("\x1b", "\x01\x1b")
    inject = "m,host=POD-30,source_bucket=other value=1 1"
    tables = [
        table(measurement=f"power{name}"),
        table(measurement=f'"{inject}"'),
        table(field=f"watts{name}"),
        table(values=[f'"{name} {inject}"'], kind="string"),
        table(measurement="collector_health", field="healthy", values=["1"]),
    ]

    def behave(exchange: Exchange) -> None:
        asked_again = b"containsStr" in exchange.request.body  # for names and strings with a carriage return
        (good() if asked_again else good(END.join(tables)))(exchange)

    with FakeSource(behave) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)))
    assert (run.status, run.errors) == (0, []), run.stderr
    for line in run.data:
        assert (line.tags["host"], line.tags["source_bucket"]) == ("s", "data"), line
    own = [line for line in run.lines if "source_bucket" not in line.tags]
    assert {line.measurement for line in own} >= {"collector_health", "collector_stream"}
    assert all(line.measurement.startswith("collector_") for line in own)
    assert [line.fields["healthy"] for line in own if line.measurement == "collector_health"][-1] == 1
    for text in (run.stderr, run.log):
        assert all(line.isprintable() for line in text.split("\n"))
        assert not re.search("^E! forged", text, re.MULTILINE)


def test_a_source_is_sent_no_token_but_its_own(tmp_path: Path) -> None:
    with FakeSource(good(table())) as one, FakeSource(good(table())) as other:
        document = queries(source("one", one.url), source("other", other.url, token="${OTHER}"))
        run_once(tmp_path, document, {"OTHER": "a-token-of-the-other"})
        central = shared_central().token
        for fake, own in ((one, TOKEN), (other, "a-token-of-the-other")):
            for request in [*fake.requests, *fake.lookups]:
                assert request.headers["authorization"] == f"Token {own}"
                said = repr(request)
                assert not any(token in said for token in {TOKEN, "a-token-of-the-other", central} - {own})
