"""Lines of the collector's own hold the bounds of all lines: what InfluxDB cannot take never leaves."""

from __future__ import annotations

import pytest

from telegraf_plugin.telegraf.line_protocol import MAX_TIME, MIN_TIME
from telegraf_plugin.telegraf.metrics import point


@pytest.mark.parametrize("now", [MIN_TIME, 0, MAX_TIME])
def test_a_line_is_of_a_time_that_influxdb_takes(now: int) -> None:
    assert point("collector_health", {}, {"healthy": 1}, now) == b"collector_health healthy=1i %d\n" % now


@pytest.mark.parametrize("now", [MIN_TIME - 1, MAX_TIME + 1, 2**63, 10**30])
def test_a_clock_that_no_time_can_tell_makes_no_line(now: int) -> None:
    assert point("collector_health", {}, {"healthy": 1}, now) == b""


@pytest.mark.parametrize("figure", [2**63, -(2**63) - 1, float("inf"), float("nan")])
def test_a_figure_that_cannot_be_takes_no_other_with_it(figure: float) -> None:
    assert point("collector_stream", {}, {"last_success": figure, "held": 0}, 5) == b"collector_stream held=0i 5\n"
    assert point("collector_stream", {}, {"last_success": figure}, 5) == b""
