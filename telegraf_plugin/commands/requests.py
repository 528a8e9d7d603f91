"""Requests to the running plugin: made, cancelled, and followed by the marks that it leaves in central."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.commands.dates import moment, number
from telegraf_plugin.commands.desk import Desk, clock
from telegraf_plugin.commands.tables import meter
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans

POLL_SECONDS = 2.0
SAY_SECONDS = 30.0
"""How often the progress is said where there is no terminal."""
_HOUR = 3600 * 1_000_000_000


class Stage(Enum):
    """Where a request stands."""

    WAITING = "waiting"
    """No mark tells yet that the plugin knows it."""
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a request is: `left` are the spans of it that are not proved."""

    request: Request
    stage: Stage
    left: Spans

    @property
    def share(self) -> float:
        """The part of it that is proved, 0 to 1."""
        whole = self.request.spans.length
        return 1.0 - self.left.length / whole if whole else 1.0

    def as_json(self) -> dict[str, object]:
        """Return it for scripts; times in Unix ns."""
        return {
            "id": self.request.id,
            "kind": self.request.kind.value,
            "stage": self.stage.value,
            "spans": list(self.request.spans),
            "asked": self.request.time,
            "proved_share": round(self.share, 6),
        }


def standing(request: Request, mark: Mark | None) -> Standing:
    """Return how far `request` is by the stream's newest mark."""
    if mark is not None and mark.request == request.id:
        return Standing(request, Stage.CANCELLED if request.cancelled else Stage.DONE, NOTHING)
    left = request.spans - (mark.proved if mark is not None else NOTHING)
    if request.cancelled:
        return Standing(request, Stage.CANCELLED, left)
    if request.kind is Kind.REPAIR and mark is not None and (mark.id.time < request.time or not left):
        return Standing(request, Stage.WAITING, request.spans)  # proved still, as before it was asked for
    waiting = mark is None or mark.id.time < request.time
    return Standing(request, Stage.WAITING if waiting else Stage.RUNNING, left)


def new(kind: Kind, spans: Spans) -> Request:
    """Return a new request for `spans`."""
    return Request(secrets.token_hex(6), kind, spans, False, clock())


def open_request(request: Request | None, mark: Mark | None) -> Standing | None:
    """Return how `request` stands if it is neither done nor cancelled."""
    if request is None:
        return None
    found = standing(request, mark)
    return found if found.stage in (Stage.WAITING, Stage.RUNNING) else None


def follow(
    desk: Desk,
    stream: StreamDefinition,
    request: Request,
    say: Callable[[str], None],
    seconds: float | None = None,
    hidden: bool = False,
) -> Standing:
    """Show the progress of `request` until it ends, `seconds` are over, or Ctrl-C; return how it stands then.

    Raises CentralError when central does not answer at the beginning; later it is asked again.
    """
    began = said = time.monotonic()
    found = _look(desk, stream, request)
    with meter(hidden) as shown:
        try:
            while found.stage in (Stage.WAITING, Stage.RUNNING):
                hours = request.spans.length / _HOUR
                what = f"{stream.label} {request.kind.value} {found.stage.value}, hours"
                shown.show(what, round(found.share * hours, 1), round(hours, 1))
                now = time.monotonic()
                if seconds is not None and now - began >= seconds:
                    break
                if not sys.stderr.isatty() and now - said >= SAY_SECONDS:
                    said = now
                    say(told(found))
                time.sleep(POLL_SECONDS if seconds is None else min(POLL_SECONDS, max(seconds - (now - began), 0)))
                found = _look(desk, stream, request)
        except KeyboardInterrupt:
            say("not watched any more; the request stays, and the collector goes on with it")
    return found


def _look(desk: Desk, stream: StreamDefinition, request: Request) -> Standing:
    mark, newest = desk.standing(stream)
    if newest is None or newest.id != request.id:
        found = standing(request, mark)
        return found if found.stage is Stage.DONE else Standing(request, Stage.REPLACED, found.left)
    return standing(newest, mark)


def told(found: Standing) -> str:
    """Say how a request stands, in a line."""
    request = found.request
    text = f"{request.kind.value} {request.id} of {moment(request.time)}: {found.stage.value}"
    if found.stage is Stage.WAITING:
        return f"{text}; the collector looks for it at its next tick: is it running? data-collector status"
    if found.stage is Stage.RUNNING:
        return f"{text}, {found.share:.1%} proved, {number(found.left.length / _HOUR)} h left"
    return text
