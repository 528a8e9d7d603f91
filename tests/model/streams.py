"""The streams that the model copies, and when it begins."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, Start, StreamDefinition
from tests.model.checks import LOOKBACK
from tests.model.outside import SECOND

BEGIN = 1_795_471_200 * SECOND - 100 * SECOND
"""When it begins: soon an hour is over, where reading is cut."""
HISTORY = 400 * SECOND
"""How much of the past the streams begin with."""
MEASUREMENTS = ("m", "n", "s")

_STREAM = StreamDefinition(
    source="pod",
    name="a",
    bucket="bucket-a",
    central_bucket="landing",
    measurements=(),
    exclude_fields=(),
    tags=(),
    aggregate=None,
    flux=None,
    lookback=LOOKBACK,
    metadata_tags=(),
    start=Start(date=BEGIN - HISTORY),
)
SUMS = Aggregate(20 * SECOND, AggregateFunction.SUM)
STREAMS = (
    _STREAM,
    replace(_STREAM, name="b", bucket="bucket-b", start=Start()),
    replace(_STREAM, source="other", bucket="bucket-other", aggregate=SUMS),
)
"""One begins at a date, one at the source's first point; one is of another source, and of sums."""
