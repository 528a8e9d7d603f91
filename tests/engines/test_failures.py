"""What a source can do wrong: one line that says what and what to do, in the metrics too, and nobody else is hurt."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import HOST, free_port, wait_until
from tests.behaviours import (
    BROKEN_OFF,
    CUT,
    HTML,
    REDIRECT,
    UNAUTHORIZED,
    chunked,
    good,
    hang,
    plain,
    refusal,
    reset,
    table,
)
from tests.engines.plugin_process import Finished, PluginProcess, queries, run_once, source
from tests.exchange import Behaviour, Exchange
from tests.fakes import FakeSource

FULL = table(values=["1.5", "2.5", "3.5"])
CSV = {"Content-Type": "text/csv; charset=utf-8"}


def stall(exchange: Exchange) -> None:
    """Send some points, and then nothing more."""
    chunked(FULL, whole=False)(exchange)
    exchange.wait()


def check_one_failure(run: Finished, url: str, what: str, hint: str) -> None:
    """That the stream bad/data failed once, visibly, and good/data did not."""
    assert run.status == 0, run.stderr
    assert len(run.errors) == 1, run.stderr
    (line,) = run.errors
    assert line.startswith(f"E! failed bad/data from {url}, bucket data, "), line
    assert re.search(what, line), line
    assert re.search(f"; .*{hint}", line), line
    bad = run.stream("bad/data")
    assert (bad["failures"], bad["successes"], bad["healthy"], bad["failures_in_a_row"]) == (1, 0, 0, 1)
    assert re.search(what, bad["last_error"])
    assert run.of("collector_health")[-1].fields.items() >= {"healthy": 0, "streams": 2, "failing": 1}.items()
    fine = run.stream("good/data")
    assert (fine["failures"], fine["successes"], fine["healthy"], fine["points_sent"]) == (0, 1, 1, 3)
    assert [line.fields["watts"] for line in run.data if line.tags["host"] == "good"] == [1.5, 2.5, 3.5]
    (summary,) = [line for line in run.stderr.splitlines() if " cycle: " in line]
    assert summary.startswith("W! ")
    assert "bad/data" in summary


@pytest.mark.parametrize(
    ("behaviour", "what", "hint", "points"),
    [
        (CUT, "broke off|cut short", "again", 2),
        (plain(200, FULL[:-9] + b"", CSV), "cut short", "again", 2),
        (plain(200, FULL, CSV), "cut short", "again", 3),
        (plain(200, b"", CSV), "cut short", "again", 0),
        (BROKEN_OFF, "engine: shard 7 is gone, quite", "log", 2),
        (HTML, "text/html.*Corporate proxy", "url", 0),
        (plain(200, b"<html>sign in</html>\n", CSV), "html", "url|proxy|login", 0),
        (plain(200, b'{"error":"panic: oh"}\n', CSV), "panic: oh", "log|again", 0),
        (plain(200, b"a,b\n1,2\n", CSV), "", "url|log|again", 0),
        (REDIRECT, "redirected to https://login.example.org", "url", 0),
        (UNAUTHORIZED, r"401.*unauthorized access", "token", 0),
        (refusal(403, "insufficient permissions"), r"403", "permission", 0),
        (refusal(404, "could not find bucket"), r"404.*could not find bucket", "bucket", 0),
        (refusal(400, "error @1:8: undefined identifier"), r"400.*undefined identifier", "flux", 0),
        (refusal(429, "slow down", {"Retry-After": "30"}), "429", "again", 0),
        (refusal(500, "internal"), "500", "again", 0),
        (refusal(503, "starting", {"Retry-After": "3"}), "503.*starting", "again", 0),
        (refusal(503, "later", {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}), "503", "again", 0),
        (plain(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}), "502", "again", 0),
        (reset, "broke off", "again", 0),
    ],
    ids=[
        "cut", "cut-in-a-row", "cut-after-a-row", "empty-body", "error-table", "html", "html-as-csv", "panic",
        "other-csv", "redirect", "401", "403", "404", "400", "429", "500", "503", "503-date", "502-html", "reset",
    ],
)  # fmt: skip
def test_a_failure_is_one_line_and_its_metrics_and_nobody_elses(
    behaviour: Behaviour, what: str, hint: str, points: int, tmp_path: Path
) -> None:
    with FakeSource(behaviour) as fake, FakeSource(good(FULL)) as other:
        run = run_once(tmp_path, queries(source("bad", fake.url), source("good", other.url)))
        check_one_failure(run, fake.url, what, hint)
    # What came before the failure is right; it may be sent, and counts then.
    sent = [line.fields["watts"] for line in run.data if line.tags["host"] == "bad"]
    assert sent == [1.5, 2.5, 3.5][: len(sent)]
    assert len(sent) <= points
    assert run.stream("bad/data")["points_sent"] == len(sent)


@pytest.mark.parametrize("behaviour", [reset, HTML, REDIRECT, UNAUTHORIZED, refusal(503, "starting")])
def test_a_server_that_answers_nothing_else_either_is_one_line_too(behaviour: Behaviour, tmp_path: Path) -> None:
    with FakeSource(behaviour, same=True) as fake, FakeSource(good(FULL)) as other:
        run = run_once(tmp_path, queries(source("bad", fake.url), source("good", other.url)))
        check_one_failure(run, fake.url, "", "")


def test_a_server_that_answers_queries_only_is_read(tmp_path: Path) -> None:
    for number, behaviour in enumerate((UNAUTHORIZED, HTML, plain(200, b"{}", {}))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with FakeSource(good(FULL), lookup=behaviour) as fake:
            run = run_once(folder, queries(source("s", fake.url)))
        assert run.errors == [], run.stderr
        assert len(run.data) >= 3


def test_a_hanging_server_costs_one_read_timeout_a_try(tmp_path: Path) -> None:
    with FakeSource(hang, same=True) as fake, FakeSource(good(FULL)) as other:
        bad = source("bad", fake.url, timeouts={"read": "1s"})
        run = run_once(tmp_path, queries(bad, source("good", other.url)))
        check_one_failure(run, fake.url, "no answer in time", "timeouts.read")
        assert run.stream("bad/data")["duration_seconds"] < 1.5


def test_a_lookup_without_an_end_is_bounded_like_a_query(tmp_path: Path) -> None:
    dribble = chunked(*[b" "] * 1000, every_s=0.1)
    with FakeSource(good(FULL), lookup=dribble) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url, timeouts={"query": "1s"})))
        assert "still reading" not in run.stderr


def test_connection_refused_says_address_and_what_to_do(tmp_path: Path) -> None:
    url = f"http://{HOST}:{free_port()}"
    with FakeSource(good(FULL)) as other:
        run = run_once(tmp_path, queries(source("bad", url), source("good", other.url)))
    check_one_failure(run, url, "connection refused", f"is InfluxDB running.*{url[7:]}")


def test_a_name_that_does_not_resolve_says_so(tmp_path: Path) -> None:
    url = "http://no-such-host.invalid:8086"
    with FakeSource(good(FULL)) as other:
        run = run_once(tmp_path, queries(source("bad", url), source("good", other.url)))
    check_one_failure(run, url, "cannot be resolved", "check the url and the name service")


def test_a_reply_that_stalls_fails_by_the_read_timeout(tmp_path: Path) -> None:
    with FakeSource(stall) as fake, FakeSource(good(FULL)) as other:
        bad = source("bad", fake.url, timeouts={"read": "1s"})
        run = run_once(tmp_path, queries(bad, source("good", other.url)))
        check_one_failure(run, fake.url, "no answer in time", "timeouts.read")


def test_a_reply_without_an_end_fails_by_the_query_timeout(tmp_path: Path) -> None:
    row = b",,0" + FULL.rpartition(b"\r\n,,0")[2]
    with FakeSource(chunked(FULL, *[row] * 1000, every_s=0.1)) as fake, FakeSource(good(FULL)) as other:
        bad = source("bad", fake.url, timeouts={"query": "1s"})
        run = run_once(tmp_path, queries(bad, source("good", other.url)))
        check_one_failure(run, fake.url, "more than 1 s", "timeouts.query")
    # A try, and what of a second one fits into the time that is left when input ends: not the 100 s of the reply.
    assert run.stream("bad/data")["duration_seconds"] < 1.5 * run.stream("bad/data")["failures_total"]


def test_a_bucket_that_a_real_server_does_not_have_is_a_404(influx: InfluxServer, tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as other:
        bad = source("bad", influx.url, {"bucket": "nowhere"}, token="${REAL}")
        run = run_once(tmp_path, queries(bad, source("good", other.url)), {"REAL": influx.token})
    assert len(run.errors) == 1, run.stderr
    assert run.errors[0].startswith(f"E! failed bad/nowhere from {influx.url}, bucket nowhere, ")
    assert re.search("404.*nowhere.*; .*bucket", run.errors[0])
    assert run.stream("bad/nowhere")["healthy"] == 0
    assert run.stream("good/data")["points_sent"] == 3


def test_a_token_that_a_real_server_does_not_know_is_a_401(influx: InfluxServer, tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as other:
        run = run_once(tmp_path, queries(source("bad", influx.url), source("good", other.url)))
    check_one_failure(run, influx.url, r"401.*unauthorized", "token")


def test_a_bucket_that_the_token_may_not_read_fails_alone(influx: InfluxServer, tmp_path: Path) -> None:
    for bucket in ("closed", "open"):
        influx.create_bucket(bucket)
    streams = [{"bucket": "closed"}, {"bucket": "open"}]
    document = queries(source("bad", influx.url, *streams, token="${REAL}"))
    run = run_once(tmp_path, document, {"REAL": influx.token_for(read=["open"])})
    assert len(run.errors) == 1, run.stderr
    assert "bad/closed" in run.errors[0]
    assert run.stream("bad/closed")["healthy"] == 0
    assert run.stream("bad/open")["healthy"] == 1


# Again


def test_what_may_pass_is_tried_again_between_ticks_ever_more_rarely_and_what_stays_is_not(tmp_path: Path) -> None:
    with FakeSource(refusal(500, "oh")) as passing, FakeSource(UNAUTHORIZED) as staying:
        document = queries(source("passing", passing.url), source("staying", staying.url))
        with PluginProcess(tmp_path, document) as plugin:
            plugin.ready().tick()
            wait_until(lambda: len(passing.requests) == 3, "two retries", 8)
            first, second, third = (request.at for request in passing.requests)
            assert 0.9 < second - first < 1.9
            assert 1.9 < third - second < 3.5
            assert len(staying.requests) == 1
            # A tick tries both, whatever their waiting.
            plugin.tick()
            wait_until(lambda: len(staying.requests) == 2 and len(passing.requests) == 4, "the tick's tries", 1.5)


def test_retry_after_is_kept_to_also_when_a_tick_comes(tmp_path: Path) -> None:
    with (
        FakeSource(refusal(503, "starting", {"Retry-After": "3"})) as fake,
        PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin,
    ):
        plugin.ready().tick()
        plugin.wait_for_log("^W! cycle: ")
        plugin.tick()
        plugin.wait_for_log("^W! cycle: ", count=2)
        fake.become(good(FULL))
        plugin.wait_for_log("^I! read s/data", timeout_s=6)
        first, second = (request.at for request in fake.requests)
        assert 2.9 < second - first < 4.5


def test_health_comes_back_with_the_retry_and_does_not_wait_for_a_tick(tmp_path: Path) -> None:
    with FakeSource(refusal(500, "oh")) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().tick()
        wait_until(lambda: plugin.of("collector_health"), "bad health", 5)
        assert plugin.of("collector_health")[-1].fields["healthy"] == 0
        fake.become(good(FULL))
        wait_until(lambda: plugin.of("collector_health")[-1].fields["healthy"] == 1, "good health", 5)
        assert len(plugin.of("power")) == 3
        assert len(fake.requests) == 2


def test_a_source_that_is_down_when_the_collector_starts_is_read_once_it_is_up(
    influx: InfluxServer, tmp_path: Path
) -> None:
    influx.create_bucket("late")
    with PluginProcess(
        tmp_path, queries(source("s", influx.url, {"bucket": "late"}, token="${REAL}")), {"REAL": influx.token}
    ) as plugin:
        plugin.ready()
        influx.stop()
        try:
            plugin.tick()
            plugin.wait_for_log("^E! failed s/late.*connection refused")
        finally:
            influx.start()
        plugin.wait_for_log("^I! read s/late", timeout_s=15)


def test_a_clock_that_differs_is_warned_of_once_and_shows_in_the_metrics(tmp_path: Path) -> None:
    dated = {**CSV, "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    document = queries(source("s", (fake := FakeSource(plain(200, b"\r\n", dated))).url))
    with fake, PluginProcess(tmp_path, document) as plugin:
        plugin.ready()
        for cycles in (1, 2):
            plugin.tick()
            wait_until(lambda count=cycles: len(plugin.of("collector_health")) >= count, "a cycle")  # type: ignore[misc]
        (warning,) = plugin.logged("^W! the clock of s is")
        assert "behind this machine's" in warning
        assert "NTP" in warning
        assert plugin.of("collector_source")[-1].fields["clock_skew_seconds"] < -86_400
        assert plugin.of("collector_health")[-1].fields["healthy"] == 1


def test_a_clock_of_the_year_9999_leaves_every_line_of_our_own_one_that_central_takes(tmp_path: Path) -> None:
    dated = {**CSV, "Date": "Fri, 31 Dec 9999 23:59:59 GMT"}
    document = queries(source("s", (fake := FakeSource(plain(200, b"\r\n", dated))).url))
    with fake, PluginProcess(tmp_path, document) as plugin:
        plugin.ready().tick()
        plugin.wait_for_log("^W! the clock of s is .* ahead of this machine's")
        wait_until(lambda: plugin.of("collector_source"), "a source's metrics")
        fake.become(good(FULL))
        plugin.tick()
        wait_until(lambda: plugin.of("power"), "data once its clock is right", 10)
        wait_until(lambda: "last_success" in plugin.of("collector_stream")[-1].fields, "its time", 10, 0.1)
        for line in plugin.lines:
            for name, value in line.fields.items():
                assert not isinstance(value, int) or -(2**63) < value < 2**63, (line.measurement, name, value)
        assert abs(plugin.of("collector_stream")[-1].fields["last_success"] / 10**9 - time.time()) < 60


def test_the_pause_that_central_asks_for_is_kept_to_also_when_a_tick_comes(tmp_path: Path) -> None:
    with FakeSource(refusal(429, "limit", {"Retry-After": "3"}), same=True) as central, FakeSource(good()) as fake:
        document = queries(source("s", fake.url, {"bucket": "data", "central_bucket": "data"}))
        document["central"]["url"] = central.url
        with PluginProcess(tmp_path, document) as plugin:
            plugin.wait_for_log("^E! cannot read the ledger in central's bucket data .*429")
            for number in range(2, 5):
                plugin.tick()
                wait_until(lambda count=number: len(plugin.of("collector_health")) >= count - 1, "a cycle")  # type: ignore[misc]
            wait_until(lambda: len(asked(central)) > 1, "the next try", 6)
            first, second = asked(central)[:2]
            assert 2.9 < second - first < 4.5


def asked(server: FakeSource) -> list[float]:
    """When (s) it was asked for anything."""
    return sorted(request.at for request in [*server.requests, *server.lookups])
