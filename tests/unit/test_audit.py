"""The cycle's line in the log: its level, and what it names."""

from __future__ import annotations

import logging

import pytest

from telegraf_plugin.audit import Audit
from telegraf_plugin.config import load
from tests.unit.test_lint import ROOT, SETTINGS
from tests.unit.test_status import CPU, attempt, board


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
