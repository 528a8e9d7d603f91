"""Replies of a wrong form: told by name as what they are, never as a bug of ours; and a server that asks to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from telegraf_plugin.config import Credential, Server
from telegraf_plugin.errors import BadReply, CentralError
from telegraf_plugin.influxdb import ledger_rows
from telegraf_plugin.influxdb.answers import count_of, first_time
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.rows import read_rows
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import MarkId
from tests.behaviours import END, plain, refusal, table
from tests.fakes import FakeSource
from tests.unit.test_definition import STREAM

CSV = {"Content-Type": "text/csv; charset=utf-8"}
NAME = StreamId("POD-8", "telegraf")
HEAD = b"#datatype,string,long,%b\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,%b\r\n"


def counted(text: bytes, column: bytes = b"_value", kind: bytes = b"long") -> bytes:
    return HEAD % (kind, column) + b",,0," + text + b"\r\n" + END


WRONG = {
    "negative": counted(b"-5"),
    "not a number": counted(b"many"),
    "a float": counted(b"1.5"),
    "beyond all numbers": counted(b"9" * 300),
    "another column": counted(b"7", b"points"),
    "points": table() + END,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_count_that_is_none_is_a_bad_reply_of_the_source(wrong: bytes) -> None:
    with FakeSource(plain(200, wrong, CSV)) as source:
        reader = SourceReader(QueryClient(source.url, "org", lambda: "a-token-of-a-source", 1, 5, 5))
        with pytest.raises(BadReply) as caught:
            reader.count(STREAM, (0, 1))
    assert "unexpected" not in caught.value.summary
    assert "report" not in caught.value.hint


@pytest.mark.parametrize("wrong", [counted(b"7"), counted(b"yesterday", b"_time", b"dateTime:RFC3339")])
def test_a_time_that_is_none_is_a_bad_reply(wrong: bytes) -> None:
    with pytest.raises(BadReply):
        first_time(read_rows([wrong]))


def test_what_is_right_is_read() -> None:
    assert count_of(read_rows([counted(b"41")])) == 41
    assert count_of(read_rows([END])) == 0
    assert first_time(read_rows([END])) is None


@pytest.fixture
def asked() -> Iterator[Callable[[bytes, int, dict[str, str]], CentralReader]]:
    fakes: list[FakeSource] = []

    def make(body: bytes, status: int, headers: dict[str, str]) -> CentralReader:
        behaviour = plain(200, body, CSV) if status == 200 else refusal(status, "later", headers)
        fakes.append(FakeSource(behaviour, behaviour).__enter__())
        return CentralReader(Server(fakes[-1].url, "org", Credential("a-token-of-central")), "metrics")

    yield make
    for fake in fakes:
        fake.__exit__(None, None, None)


def questions(reader: CentralReader) -> list[Callable[[], object]]:
    return [
        lambda: reader.ledger("b", [NAME]),
        lambda: list(reader.mark_ids("b", 0)),
        lambda: reader.marks("b", NAME, [MarkId(1, "run")]),
        reader.origins,
        lambda: reader.asked("b"),
        lambda: reader.count(STREAM, (0, 1)),
    ]


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_no_question_to_central_takes_a_wrong_form_for_a_bug(
    asked: Callable[[bytes, int, dict[str, str]], CentralReader], wrong: bytes
) -> None:
    *ledger, count = questions(asked(wrong, 200, {}))
    for question in ledger:  # what is damaged in the ledger is set aside, row by row
        try:
            question()
        except CentralError as error:
            assert "unexpected" not in error.summary + error.hint  # noqa: PT017 - or nothing at all
    with pytest.raises(CentralError) as caught:
        count()
    assert "unexpected" not in caught.value.summary
    assert "report" not in caught.value.hint


@pytest.mark.parametrize(("status", "asks", "waits"), [(429, "120", 120.0), (503, "7", 7.0), (503, "", None)])
def test_central_says_how_long_it_wants_to_be_left_alone(
    asked: Callable[[bytes, int, dict[str, str]], CentralReader], status: int, asks: str, waits: float | None
) -> None:
    for question in questions(asked(b"", status, {"Retry-After": asks} if asks else {})):
        with pytest.raises(CentralError) as caught:
            question()
        assert caught.value.retry_after == waits


@pytest.mark.parametrize("failure", [KeyError("_time"), IndexError("out of range"), ValueError("no such"), TypeError()])
def test_what_no_reader_of_the_ledger_expects_of_a_reply_is_told_as_the_replys(
    asked: Callable[[bytes, int, dict[str, str]], CentralReader], failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise failure

    monkeypatch.setattr(ledger_rows, "origins_of", read)
    with pytest.raises(CentralError) as caught:
        asked(END, 200, {}).origins()
    bug = isinstance(failure, TypeError)  # no reply makes one: that is a bug, and is called one
    assert ("unexpected" in caught.value.summary) is bug
    assert ("the reply is not what was asked for" in caught.value.summary) is not bug
