"""How each stream stands, as `status` shows it and the report: by the collector's metrics in central and its ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from telegraf_plugin.commands import requests
from telegraf_plugin.commands.dates import duration, moment, number
from telegraf_plugin.commands.last_word import Metrics
from telegraf_plugin.commands.session import CentralAccess
from telegraf_plugin.commands.survey import Survey, survey
from telegraf_plugin.stream.account import RENEW
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import BEGINNING, END, span
from telegraf_plugin.stream.units import SECOND

EQUAL, AS_READ = "equal", "as read"
"""What proved means: both sides are equal, or with flux of one's own that what was read has arrived."""
HEADINGS = (
    "Stream",
    "State",
    "As of",
    "Lag",
    "Proved up to",
    "Rate",
    "Left",
    "To go",
    "Held",
    "Extras",
    "To loss",
    "Request",
    "Last error",
    "Shard",
)


@dataclass(frozen=True, slots=True)
class Row:
    """How one stream stood at `told_at`; None where nothing tells.

    Times are in seconds, `proved_up_to` and `told_at` in Unix ns. `proof` is EQUAL or AS_READ.
    """

    stream: str
    state: str
    healthy: bool
    told_at: int | None
    lag: float | None
    proved_up_to: int | None
    rate: float | None
    left: float | None
    to_go: float | None
    held: int | None
    extras: int | None
    time_to_loss: float | None
    request: requests.RequestProgress | None
    last_error: str
    proof: str = EQUAL
    future_points: int | None = None
    paused: Paused = Paused.NOTHING
    waits: str = ""
    shard: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it for scripts."""
        return {
            "stream": self.stream,
            "shard": self.shard or None,
            "state": self.state,
            "healthy": self.healthy,
            "told_at": self.told_at,
            "lag_seconds": self.lag,
            "proved_up_to": self.proved_up_to,
            "proof": self.proof,
            "backlog_points_per_second": self.rate,
            "left_seconds": self.left,
            "to_go_seconds": self.to_go,
            "held": self.held,
            "extras": self.extras,
            "future_points": self.future_points,
            "time_to_loss_seconds": self.time_to_loss,
            "request": self.request.as_json() if self.request is not None else None,
            "last_error": self.last_error,
            "paused": self.paused.value,
            "waits": self.waits,
        }

    def cells(self) -> tuple[str, ...]:
        """Return it for people, as headed by HEADINGS."""
        request = self.request
        return (
            self.stream,
            self.state,
            moment(self.told_at) if self.told_at is not None else "-",
            _shown(self.lag, duration),
            f"{moment(self.proved_up_to)}{'' if self.proof == EQUAL else f' ({self.proof})'}"
            if self.proved_up_to is not None
            else "-",
            _shown(self.rate or None, lambda rate: f"{number(rate)}/s"),
            _shown(self.left, duration),
            _shown(self.to_go, duration),
            _shown(self.held, number),
            _shown(self.extras, number),
            _shown(self.time_to_loss, duration),
            requests.short(request) if request is not None else "-",
            "; ".join(filter(None, (self.waits, self.last_error))) or "-",
            self.shard or "-",
        )


def look(central: CentralAccess, streams: Sequence[StreamDefinition], now: int) -> list[Row]:
    """Return how each stream stands at `now` (Unix ns); a bucket that cannot be read is told of its streams alone.

    Raises CentralError when nothing can be read.
    """
    return rows_of(central, survey(central, streams, now), streams, now)


def rows_of(central: CentralAccess, found: Survey, streams: Sequence[StreamDefinition], now: int) -> list[Row]:
    """Return how each stream stands at `now` (Unix ns) by what central said. Raises CentralError."""
    rows = []
    for stream in streams:
        name = stream.id
        mark = found.marks.get(name)
        each = row(stream.label, found.metrics.get(name), mark, found.asked.get(name), now)
        if stream.central_bucket in found.unreadable:
            each = replace(each, state="bad", healthy=False, last_error=found.unreadable[stream.central_bucket])
        if each.request is not None:
            each = replace(each, request=requests.look(central, stream, each.request, mark))
        rows.append(replace(each, proof=EQUAL if stream.flux is None else AS_READ))
    return rows


_STARTING = "the collector has started, and its first cycle is not over"


def row(label: str, metrics: Metrics | None, mark: Mark | None, asked: Request | None, now: int) -> Row:
    """Return how one stream stands, by what is known of it."""
    request = requests.open_request(asked, mark)
    said = metrics.time + metrics.patience if metrics is not None else BEGINNING
    # At other times a mark is hardly later than the collector's last word.
    starting = mark is not None and mark.id.time > said and now - mark.id.time <= 2 * RENEW
    if metrics is None:
        first = (span(mark.origin, END) - mark.proved).parts[0][0] if mark is not None else None
        since = f"; its newest mark is of {moment(mark.id.time)}" if mark is not None else ", and there is no mark"
        error = f"the collector has said nothing in central for a day{since}"
        told_at = mark.id.time if mark is not None else None
        state, error = ("starting", f"{_STARTING}{since}") if starting else ("silent", error)
        return Row(label, state, False, told_at, None, first, None, None, None, None, None, None, request, error)
    age = now - metrics.time
    healthy = metrics.fields.get("healthy") == "1"
    state, error = ("ok" if healthy else "bad"), metrics.fields.get("last_error", "")
    paused = _PAUSED.get(metrics.fields.get("paused", ""), Paused.NOTHING)
    state = "paused" if healthy and paused is Paused.STREAM else state
    silent = age > metrics.patience
    if silent and starting:
        state, healthy, error = "starting", False, _STARTING
    elif silent:
        state, healthy = "silent", False
        error = "; ".join(filter(None, [f"the collector's last word is {duration(age / SECOND)} old", error]))
    told = metrics.number
    up_to, held, extras = told("proved_up_to"), told("held"), told("extras")
    # How fast it was is no news of how long it takes when nothing is read, or when all that was asked for is copied.
    newer = mark if mark is not None and mark.id.time > metrics.time else None
    copied = asked is not None and newer is not None and not asked.spans - requests.copied(asked, newer)
    over = copied or (asked is not None and newer is not None and newer.request == asked.id)
    going = told("to_go_seconds") is not None and not (silent or over or told("failures_in_a_row"))
    return Row(
        stream=label,
        state=state,
        healthy=healthy,
        told_at=metrics.time,
        lag=told("lag_seconds"),
        proved_up_to=int(metrics.fields["proved_up_to"]) if up_to is not None else None,
        rate=told("backlog_points_per_second") if going else None,
        left=told("left_seconds") if not over else None,
        to_go=told("to_go_seconds") if going else None,
        held=int(held) if held is not None else None,
        extras=int(extras) if extras is not None else None,
        future_points=int(ahead) if (ahead := told("future_points")) is not None else None,
        time_to_loss=told("time_to_loss_seconds"),
        request=request,
        last_error=error,
        paused=paused,
        waits=metrics.fields.get("waits", ""),
        shard=metrics.fields.get("shard", ""),
    )


_PAUSED = {"1": Paused.BACKLOG, "2": Paused.STREAM}


def _shown(value: float | None, form: Callable[[float], str]) -> str:
    return form(value) if value is not None else "-"
