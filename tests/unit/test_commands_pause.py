"""pause and resume: what is asked for, whether the collector has taken it, and what is said."""

from __future__ import annotations

import argparse
import json
from types import SimpleNamespace
from typing import cast

import pytest

from telegraf_plugin.commands import pause, resume
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.session import CentralAccess, Session
from telegraf_plugin.stream.commands import Asked
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId
from telegraf_plugin.stream.pause import NO_PAUSE, Pause, Paused
from telegraf_plugin.stream.spans import NOTHING
from tests.unit.test_definition import STREAM

FAR_AHEAD = 2**62
"""When a pause was asked for by a machine whose clock was wrong."""


class Central(CentralAccess):
    """Central, and a collector that takes what is asked for at the so manieth look; None: never."""

    def __init__(self, taken: Pause = NO_PAUSE, takes_after: int | None = 1) -> None:
        self.taken, self.takes_after = taken, takes_after
        self.pauses: list[Pause] = []

    def ask(self, stream: StreamDefinition, request: object) -> None:
        assert isinstance(request, Pause)
        self.pauses.append(request)

    def ledger(self, _bucket: str, _names: object, *_more: object) -> dict[StreamId, Believed | None]:
        if self.pauses and self.takes_after is not None:
            self.takes_after -= 1
            self.taken = self.pauses[-1] if self.takes_after < 0 else self.taken
        return {STREAM.id: Believed(Mark(MarkId(1, "me"), None, "d", 0, 0, pause=self.taken), NOTHING)}

    def asked(self, _bucket: str) -> Asked:
        return Asked(pauses={STREAM.id: self.pauses[-1]} if self.pauses else {})


def run(central: Central, what: Paused, **options: object) -> int:
    session = cast(Session, SimpleNamespace(central=central, stream=lambda _name: STREAM))
    given = {"stream": STREAM.label, "json": False, "no_wait": False, "wait": 0.2} | options
    return pause.ask(session, argparse.Namespace(**given), what)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause, "POLL_SECONDS", 0.001)


def test_it_asks_and_waits_until_a_mark_says_that_it_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    central = Central(takes_after=3)
    assert run(central, Paused.BACKLOG, wait=30.0) == 0
    assert [each.what for each in central.pauses] == [Paused.BACKLOG]
    assert f"{STREAM.label}: its backlog is paused since " in capsys.readouterr().out
    assert run(central, Paused.BACKLOG) == 0
    assert len(central.pauses) == 1  # it is so already


def test_a_collector_that_does_not_answer_is_told_of_and_what_was_asked_for_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    central = Central(takes_after=None)
    assert run(central, Paused.STREAM) == 1
    assert "to be paused, asked for at " in capsys.readouterr().out
    assert run(central, Paused.STREAM, no_wait=True) == 0
    assert len(central.pauses) == 1


def test_what_is_asked_for_last_counts_though_the_one_before_has_a_later_clock() -> None:
    central = Central(Pause("x", Paused.STREAM, FAR_AHEAD))
    assert run(central, Paused.NOTHING) == 0
    assert central.pauses[-1].time == FAR_AHEAD + 1


def test_to_resume_what_never_was_paused_asks_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    central = Central()
    assert run(central, Paused.NOTHING) == 0
    assert central.pauses == []
    assert "nothing was ever paused" in capsys.readouterr().out


def test_json_says_whether_it_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    central = Central()
    assert run(central, Paused.STREAM, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stream"], told["paused"], told["taken"]) == (STREAM.label, "stream", True)
    assert (told["id"], told["asked"]) == (central.pauses[0].id, central.pauses[0].time)


def _resumed(central: Central) -> int:
    session = cast(Session, SimpleNamespace(central=central, stream=lambda _name: STREAM))
    options = {"stream": STREAM.label, "json": False, "no_wait": False, "wait": 30.0, "backlog": True}
    return resume.resumed(session, argparse.Namespace(**options))


def test_a_backlog_is_resumed_as_it_was_paused() -> None:
    central = Central(taken=Pause("a", Paused.BACKLOG, 1))
    assert _resumed(central) == 0
    assert [each.what for each in central.pauses] == [Paused.NOTHING]


def test_a_stream_that_is_paused_as_a_whole_is_not_resumed_by_its_backlog() -> None:
    central = Central(taken=Pause("a", Paused.STREAM, 1))
    with pytest.raises(Unusable, match="paused as a whole: resume it without --backlog"):
        _resumed(central)
    assert central.pauses == []
