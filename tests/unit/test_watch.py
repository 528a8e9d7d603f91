"""The watch on the ledger: what it reads of streams that wait for their ledger, and requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.influxdb.ledger_rows import StreamName
from telegraf_plugin.stream.account import Origin
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import Spans
from tests.unit.watch_bench import BELIEVED, HOUR, ORIGIN, A, B, C, Site, now, said
from tests.unit.worker_bench import soon

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Site]:
    caplog.set_level(logging.INFO)
    with Site(monkeypatch) as found:
        yield found


def test_what_the_ledger_says_is_told_to_streams_that_wait_for_it(site: Site) -> None:
    known = MarkId(now(), "other")
    site.central.believed["one"][("POD-8", "a")] = BELIEVED
    site.central.mirrored[("POD-8", "b")] = ORIGIN
    site.present(A, known)
    site.watch.start()
    assert soon(lambda: len(site.worker.loaded) == 3)
    assert site.worker.loaded == {
        "POD-8/a": (BELIEVED, None, {known}),
        "POD-8/b": (None, ORIGIN, set()),
        "POD-8/c": (None, None, set()),
    }
    assert soon(lambda: site.worker.answers.get("POD-8/c") == (True, Bucket(0, HOUR)))


def test_while_the_metrics_bucket_cannot_be_read_a_new_stream_waits_and_one_with_a_mark_does_not(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.central.away["metrics"] = CentralError("not there", "make it")
    site.central.believed["one"][("POD-8", "a")] = BELIEVED
    site.watch.start()
    assert soon(lambda: "POD-8/a" in site.worker.loaded)
    assert soon(lambda: said(caplog, "metrics (metrics)") == 1)
    loads = site.central.loads
    assert soon(lambda: site.central.loads > loads + 3)
    assert set(site.worker.loaded) == {"POD-8/a"}
    assert said(caplog, "metrics (metrics)") == 1
    site.central.mirrored[("POD-8", "b")] = ORIGIN
    del site.central.away["metrics"]
    assert soon(lambda: len(site.worker.loaded) == 3)
    assert site.worker.loaded["POD-8/b"] == (None, ORIGIN, set())
    assert said(caplog, "metrics (metrics) can be read again") == 1


def test_a_metrics_bucket_that_hangs_holds_up_the_marks_of_no_stream(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new stream of the same bucket waits for it, and asked for it at each look."""

    def hang() -> dict[StreamName, Origin]:
        site.central.asks.append("metrics")
        threading.Event().wait(0.2)
        raise CentralError("timed out", "later")

    monkeypatch.setattr(site.central, "origins", hang)
    site.worker.runs(A, None, MarkId(now(), "me"))
    site.worker.runs(C, MarkId(now(), "me"))
    site.watch.start()
    assert soon(lambda: sum(label == A.label for label, *_ in site.worker.looks) > 30)
    assert site.central.asks.count("metrics") < 15
    assert "POD-8/b" not in site.worker.loaded


def test_a_ledger_that_is_long_or_cannot_be_read_holds_up_no_other(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.central.long.add(("POD-8", "a"))
    site.central.unreadable[("POD-8", "c")] = CentralError("of format 9", "run that version", permanent=True)
    site.watch.start()
    assert soon(lambda: "POD-8/b" in site.worker.loaded)
    loads = site.central.loads
    site.until(lambda: site.central.loads > loads + 3)
    assert set(site.worker.loaded) == {"POD-8/b"}
    assert said(caplog, "POD-8/c: of format 9; run that version") == 1
    site.central.long.clear()
    site.central.unreadable.clear()
    site.until(lambda: len(site.worker.loaded) == 3)


def test_a_ledger_that_waits_for_its_source_is_not_read_again_at_each_look(site: Site) -> None:
    site.worker.stays_loading = True
    site.watch.start()
    assert soon(lambda: len(site.worker.loaded) == 3)
    loads = site.central.loads
    looks = 0

    def looked() -> bool:
        nonlocal looks
        looks += 1
        return looks > 10

    site.until(looked)
    assert site.central.loads == loads


def test_requests_are_handed_to_their_stream_at_each_tick(site: Site) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.central.asked["b"] = Request("7", Kind.REPAIR, Spans.of([(1, 2)]), False, 7)
    site.watch.start()
    site.until(lambda: bool(site.worker.requests))
    assert set(site.worker.requests) == {("POD-8/b", "7")}
