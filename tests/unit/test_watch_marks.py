"""The watch on the ledger: marks that come back, are lost, are strangers', or do not come."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from telegraf_plugin import watch as watch_module
from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.ledger import MarkId
from tests.unit.watch_bench import HOUR, SECOND, A, B, C, Site, now, said

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Site]:
    caplog.set_level(logging.INFO)
    with Site(monkeypatch) as found:
        yield found


def test_a_central_that_lost_a_mark_is_told_and_the_ledger_read_again(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.worker.lose.add("POD-8/a")
    site.watch.start()
    site.until(lambda: "POD-8/a" in site.worker.loaded)
    assert said(caplog, "POD-8/a: central has lost its newest mark") == 1
    assert set(site.worker.loaded) == {"POD-8/a"}


def test_marks_of_strangers_are_read_and_told_and_each_run_is_said_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    strange = [MarkId(now() + number, "other") for number in range(2)]
    site.present(A, *strange)
    site.watch.start()
    site.until(lambda: len(site.worker.told_strangers) == 2)
    assert site.worker.told_strangers == [("POD-8/a", mark) for mark in strange]
    site.present(A, *strange, MarkId(now(), "third"))
    site.until(lambda: len(site.worker.told_strangers) == 3)
    assert said(caplog, "another run of the collector writes as well (other)") == 1
    assert said(caplog, "another run of the collector writes as well (third)") == 1


def test_strangers_marks_that_could_not_be_read_are_news_again(site: Site) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    strange, damaged = MarkId(now(), "other"), MarkId(now() + 1, "other")
    site.present(A, strange, damaged)
    site.central.damaged.add(damaged)
    site.central.strange_fails = True
    site.watch.start()
    site.until(lambda: "POD-8/a" in site.worker.present)
    assert site.worker.told_strangers == []
    site.central.strange_fails = False
    site.until(lambda: site.worker.told_strangers == [("POD-8/a", strange)])


def test_marks_that_central_does_not_keep_are_not_looked_for(site: Site) -> None:
    site.central.retention = 8 * HOUR
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now() - 24 * HOUR, "me"))
    site.watch.start()
    site.until(lambda: len(site.central.asked_since) >= 2)
    assert all(now() - since < 8 * HOUR for since in site.central.asked_since)
    assert all(since < until for _, since, until in site.worker.looks)


def test_a_mark_that_does_not_come_is_said_once_and_once_when_one_comes(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "OVERDUE_SECONDS", 0.05)
    first = MarkId(now() - 31 * SECOND, "me")
    for stream in (B, C):
        site.worker.runs(stream, None)
    site.worker.states[A.label] = (State.STARTING, None, first)
    site.watch.start()
    site.until(lambda: said(caplog, "POD-8/a: what was printed does not arrive in central's bucket one") == 1)
    looked = len(site.central.asked_since)
    site.until(lambda: len(site.central.asked_since) > looked + 3)
    assert said(caplog, "does not arrive") == 1
    site.present(A, first)
    site.until(lambda: said(caplog, "POD-8/a: what is printed arrives in central's bucket one again") == 1)
    assert site.worker.present["POD-8/a"] == {first}


def test_what_comes_late_by_centrals_own_outage_accuses_no_output(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """At the end of an outage the marks are as old as it was long, and Telegraf has yet to send them."""
    for stream in (B, C):
        site.worker.runs(stream, None)
    site.worker.states[A.label] = (State.STARTING, None, MarkId(now() - 600 * SECOND, "me"))
    site.central.away["one"] = CentralError("connection refused", "")
    site.watch.start()
    site.until(lambda: said(caplog, "cannot read the ledger in central's bucket one") == 1)
    assert site.watch.away == ["one"]
    del site.central.away["one"]
    site.until(lambda: said(caplog, "central's bucket one can be read again") == 1)
    looked = len(site.central.asked_since)
    site.until(lambda: len(site.central.asked_since) > looked + 2)
    assert said(caplog, "does not arrive") == 0
    assert site.watch.away == []


def test_a_mark_that_takes_a_while_is_not_overdue(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for stream in (B, C):
        site.worker.runs(stream, None)
    site.worker.states[A.label] = (State.STARTING, None, MarkId(now() - 5 * SECOND, "me"))
    site.watch.start()
    site.until(lambda: "POD-8/a" in site.worker.present)
    assert said(caplog, "does not arrive") == 0
