"""What the decoder makes of a reply, whole or in pieces, and small replies to give it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from telegraf_plugin.errors import BadReply, PermanentError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from tests.replies import row, time_text
from tests.slow_csv import SlowPoint

NOW = 1_795_000_000 * 10**9


@dataclass
class Outcome:
    """What the decoder made of a reply."""

    points: list[SlowPoint] = field(default_factory=list)
    drops: dict[str, int] = field(default_factory=dict)
    quoted: set[tuple[bytes, bytes]] = field(default_factory=set)
    error: str | None = None


def decode(chunks: Iterable[bytes], escaped: bool = False) -> Outcome:
    """Decode to the end; a refusal is part of the outcome, any other exception is not caught."""
    decoder = Decoder(escaped)
    outcome = Outcome()
    try:
        for chunk in chunks:
            for block in decoder.feed(chunk):
                assert len(block.times) == len(block.values) > 0
                outcome.points += [
                    SlowPoint(block.measurement, block.tags, block.field, block.type.value, int(time), value)
                    for time, value in zip(block.times, block.values, strict=True)
                ]
        decoder.finish()
    except (BadReply, PermanentError) as error:
        outcome.error = error.summary
    outcome.drops = {reason.value: drop.points for reason, drop in decoder.drops.items()}
    outcome.quoted = decoder.quoted
    return outcome


def pieces(reply: bytes, size: int) -> list[bytes]:
    return [reply[at : at + size] for at in range(0, len(reply), size)]


def table(*rows: str, kind: str = "double", tags: Iterable[str] = (), end: str = "\r\n") -> bytes:
    """One table in the order of a plain range; a row is its time, value, field, measurement and tags."""
    keys = list(tags)
    text = row("#datatype", "string", "long", "dateTime:RFC3339", kind, "string", "string", *("string" for _ in keys))
    text += row("#group", "false", "false", "false", "false", "true", "true", *("true" for _ in keys))
    text += row("#default", "_result", "", "", "", "", "", *("" for _ in keys))
    text += row("", "result", "table", "_time", "_value", "_field", "_measurement", *keys)
    return (text + "".join(rows) + end).encode()


def data(value: str, *tags: str, time_ns: int = NOW, number: int = 0) -> str:
    return row("", "", str(number), time_text(time_ns), value, "f", "m", *tags)


SMALL = table(
    data("1.5", "a", time_ns=NOW),
    data("-0", "a", time_ns=NOW + 1),
    data("1e-300", "a", time_ns=NOW + 2),
    data("2", 'q"u,o', number=1),
    data("", 'q"u,o', number=1, time_ns=NOW + 1),
    tags=["host"],
) + table(
    data("plain"), data('quo"ted, line\nfeed', time_ns=NOW + 1), data("", time_ns=NOW + 2), data("\n"), kind="string"
)
SMALL_POINTS = 4 + 4
