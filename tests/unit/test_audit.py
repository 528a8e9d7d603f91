"""The cycle's line in the log: its level, and what it names."""

from __future__ import annotations

import logging

import pytest

from telegraf_plugin.audit import Audit
from telegraf_plugin.config.load import load
from telegraf_plugin.stream.block import FieldKey, FieldType
from tests.unit.test_lint import ROOT, SETTINGS
from tests.unit.test_status import CPU, POWER, attempt, board


@pytest.fixture
def audit() -> Audit:
    return Audit(load(ROOT / "config" / "queries.yaml", SETTINGS))


def line(caplog: pytest.LogCaptureFixture) -> tuple[int, str]:
    (record,) = [record for record in caplog.records if record.getMessage().startswith("cycle: ")]
    return record.levelno, record.getMessage()


def test_a_good_cycle_is_told_as_such(audit: Audit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    audit.cycle(board(attempt(CPU), streams=[CPU]), (), 1.0)
    level, text = line(caplog)
    assert level == logging.INFO
    assert text.endswith("success rate POD-8 100.0 %")


def test_a_central_that_cannot_be_read_is_a_warning_though_nothing_is_late_yet(
    audit: Audit, caplog: pytest.LogCaptureFixture
) -> None:
    found = board(attempt(CPU), streams=[CPU])
    assert not found.failing
    audit.cycle(found, (), 1.0, ["metrics (metrics)", "telegraf"])
    level, text = line(caplog)
    assert level == logging.WARNING
    assert text.endswith("; central cannot be read: metrics (metrics), telegraf")


REFUSED = "refused: it is float here and integer in central (422, field type conflict)"


def lacking(caplog: pytest.LogCaptureFixture, level: int = logging.ERROR) -> list[str]:
    """What was said of held points at that level."""
    texts = [record.getMessage() for record in caplog.records if record.levelno == level]
    return [text for text in texts if "central lacks" in text]


def test_one_held_field_is_said_with_the_cycle_and_once(audit: Audit, caplog: pytest.LogCaptureFixture) -> None:
    audit.held(CPU, FieldKey(b"cpu", b"usage", FieldType.FLOAT), 5, REFUSED)
    assert not caplog.records
    for _ in range(2):
        audit.cycle(board(attempt(CPU), streams=[CPU]), (), 1.0)
    assert lacking(caplog) == [
        f"{CPU.label}: central lacks 5 points of field 'usage' of measurement 'cpu' (float), sent twice and not there: "
        f"{REFUSED}; what is new is sent all the same, these are tried again from time to time; write the field with "
        "one type, or leave it out (exclude_fields)"
    ]


def test_300_held_fields_are_one_line_that_names_the_first(audit: Audit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for number in range(300):
        audit.held(CPU, FieldKey(b"cpu", b"f%d" % number, FieldType.FLOAT), 2, REFUSED)
    audit.cycle(board(attempt(CPU), streams=[CPU]), (), 1.0)
    (told,) = lacking(caplog)
    assert told.startswith(
        f"{CPU.label}: central lacks 600 points of 300 fields: field 'f0' of measurement 'cpu' (float)"
    )
    assert "field 'f2' " in told
    assert "field 'f3' " not in told
    assert f"{REFUSED}; and 297 more, which collector_held names; what is new" in told
    assert len(lacking(caplog, logging.DEBUG)) == 297


def test_each_stream_and_each_remedy_has_its_own_line(audit: Audit, caplog: pytest.LogCaptureFixture) -> None:
    audit.held(CPU, FieldKey(b"cpu", b"a", FieldType.FLOAT), 1, REFUSED)
    audit.held(CPU, FieldKey(b"cpu", b"b", FieldType.FLOAT), 2, "differs: it is there now")
    audit.held(POWER, FieldKey(b"mem", b"c", FieldType.FLOAT), 4, "differs: it is there now")
    audit.held(CPU, FieldKey(b"cpu", b"d", FieldType.FLOAT), 8, REFUSED)
    audit.cycle(board(attempt(CPU), streams=[CPU]), (), 1.0)
    told = {text.split(" points of ")[0]: "exclude_fields" in text for text in lacking(caplog)}
    assert told == {
        f"{CPU.label}: central lacks 9": True,
        f"{CPU.label}: central lacks 2": False,
        f"{POWER.label}: central lacks 4": False,
    }
