"""Times, shares and spans as the page says them. Pure."""

from __future__ import annotations

import math

from telegraf_plugin.commands.dates import moment
from telegraf_plugin.report.html import Html, element
from telegraf_plugin.stream.units import utc


def when(time: int) -> Html:
    """Return a time (Unix ns) for people: in UTC, which the page's script puts beside the reader's own."""
    return element("time", f"{moment(time)[:-4]} UTC", datetime=utc(time))


def percent(share: float) -> str:
    """Return a share (0 to 1) for people; what is not all is never called 100 %."""
    if share >= 1:
        return "100 %"
    return f"{math.floor(share * 1000) / 10:.1f} %"
