"""Requests to the running plugin: made, cancelled, and followed by the marks that it leaves in central."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from telegraf_plugin.commands.dates import duration, moment
from telegraf_plugin.commands.session import CentralAccess, clock
from telegraf_plugin.commands.tables import meter
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.units import HOUR, SECOND

POLL_SECONDS = 2.0
SAY_SECONDS = 30.0
"""How often the progress is said where there is no terminal."""


class Stage(Enum):
    """Where a request stands."""

    WAITING = "waiting"
    """No mark tells yet that the plugin knows it."""
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class RequestProgress:
    """How far a request is, by the mark of `as_of` (Unix ns): `left` are the spans of it that are not proved.

    `copied`: those that have left for central, the proved ones among them. `proof_from`: when (Unix ns) the last of
    what is copied may be compared at the earliest; None: it may be now, or that is not known.
    """

    request: Request
    stage: Stage
    left: Spans
    copied: Spans = NOTHING
    as_of: int | None = None
    proof_from: int | None = None

    @property
    def share(self) -> float:
        """The part of it that is proved, 0 to 1."""
        whole = self.request.spans.length
        return 1.0 - self.left.length / whole if whole else 1.0

    @property
    def copied_share(self) -> float:
        """The part of it that has left for central, 0 to 1."""
        whole = self.request.spans.length
        return self.copied.length / whole if whole else 1.0

    def as_json(self) -> dict[str, object]:
        """Return it for scripts; times in Unix ns."""
        return {
            "id": self.request.id,
            "kind": self.request.kind.value,
            "stage": self.stage.value,
            "spans": list(self.request.spans),
            "asked": self.request.time,
            "as_of": self.as_of,
            "copied_share": round(self.copied_share, 6),
            "proof_not_before": self.proof_from,
            "proved_share": round(self.share, 6),
        }


def progress_of(request: Request, mark: Mark | None) -> RequestProgress:
    """Return how far `request` is by the stream's newest mark."""
    if mark is not None and mark.request == request.id:
        stage = Stage.CANCELLED if request.cancelled else Stage.DONE
        return RequestProgress(request, stage, NOTHING, request.spans, mark.id.time)
    left = request.spans - (mark.proved if mark is not None else NOTHING)
    if request.cancelled:
        return RequestProgress(request, Stage.CANCELLED, left)
    if request.kind is Kind.REPAIR and mark is not None and (mark.id.time < request.time or not left):
        return RequestProgress(request, Stage.WAITING, request.spans)  # proved still, as before it was asked for
    waiting = mark is None or mark.id.time < request.time
    if mark is None or waiting:
        return RequestProgress(request, Stage.WAITING, left)
    return RequestProgress(request, Stage.RUNNING, left, copied(request, mark), mark.id.time)


def proof_from(copied_at: int, began: int, lookback: int) -> int | None:
    """Return when (Unix ns) the last of what is copied may be compared; None when it may be at once.

    `copied_at`: when the last of it had left; `began`: when the collector's run made its first mark. What is printed
    within a `lookback` (ns) of that waits for a lookback, as lines of an earlier run may land over it.
    """
    return copied_at + lookback if copied_at - began < lookback else None


def copied(request: Request, mark: Mark) -> Spans:
    """Return what of `request` has left for central: all that the mark lists, as it is behind the lines of it."""
    return request.spans & (mark.proved + mark.sent + mark.printed)


def new(kind: Kind, spans: Spans) -> Request:
    """Return a new request for `spans`."""
    return Request(secrets.token_hex(6), kind, spans, False, clock())


def open_request(request: Request | None, mark: Mark | None) -> RequestProgress | None:
    """Return how `request` stands if it is neither done nor cancelled."""
    if request is None:
        return None
    found = progress_of(request, mark)
    return found if found.stage in (Stage.WAITING, Stage.RUNNING) else None


def follow(
    central: CentralAccess,
    stream: StreamDefinition,
    request: Request,
    say: Callable[[str], None],
    seconds: float | None = None,
    hidden: bool = False,
) -> RequestProgress:
    """Show the progress of `request` until it ends, `seconds` are over, or Ctrl-C; return how it stands then.

    Raises CentralError when central does not answer at the beginning; later it is asked again.
    """
    began = said = time.monotonic()
    found = _look(central, stream, request)
    before = found
    with meter(hidden) as shown:
        try:
            while found.stage in (Stage.WAITING, Stage.RUNNING):
                hours = request.spans.length / HOUR
                what = f"{stream.label} {request.kind.value} {_stage(found)}, hours proved"
                shown.show(what, round(found.share * hours, 1), round(hours, 1))
                now = time.monotonic()
                if seconds is not None and now - began >= seconds:
                    break
                if not sys.stderr.isatty() and (now - said >= SAY_SECONDS or _news(before, found)):
                    said, before = now, found
                    say(told(found))
                time.sleep(POLL_SECONDS if seconds is None else min(POLL_SECONDS, max(seconds - (now - began), 0)))
                found = _look(central, stream, request)
        except KeyboardInterrupt:
            say("not watched any more; the request stays, and the collector goes on with it")
    return found


def look(
    central: CentralAccess, stream: StreamDefinition, found: RequestProgress, mark: Mark | None
) -> RequestProgress:
    """Return `found` with when its proof may begin, by the marks alone: the same whoever asks. Raises CentralError."""
    if mark is None or found.stage is not Stage.RUNNING or found.request.kind is not Kind.BACKFILL:
        return found
    if not found.copied & found.left:
        return found
    began = central.run_began(stream, mark)
    if mark.id.time - began >= 2 * stream.lookback:
        return found  # what had to wait has waited
    copied_at = central.printed_last(stream, mark, found.copied & found.left)
    if copied_at is None:
        return found  # nothing was printed: what is empty at the source waits for nothing
    return replace(found, proof_from=proof_from(copied_at, began, stream.lookback))


def _look(central: CentralAccess, stream: StreamDefinition, request: Request) -> RequestProgress:
    mark, newest = central.newest(stream)
    if newest is None or newest.id != request.id:
        found = progress_of(request, mark)
        return found if found.stage is Stage.DONE else RequestProgress(request, Stage.REPLACED, found.left)
    return look(central, stream, progress_of(newest, mark), mark)


def _news(before: RequestProgress, found: RequestProgress) -> bool:
    """Say whether a request has come to another stage, or has just been copied whole."""
    return found.stage is not before.stage or (found.copied_share == 1.0 > before.copied_share)


def _stage(found: RequestProgress) -> str:
    """Say in a few words what is being done."""
    if found.stage is not Stage.RUNNING or found.request.kind is not Kind.BACKFILL:
        return f"{found.stage.value}, {_percent(found.share)} proved" if found.as_of is not None else found.stage.value
    copied = "all copied" if found.copied_share == 1.0 else f"{_percent(found.copied_share)} copied"
    if found.proof_from is None:
        return f"{copied}, {_percent(found.share)} proved"
    return f"{copied}, waiting for its proof until {moment(found.proof_from)}, {_percent(found.share)} proved"


def short(found: RequestProgress) -> str:
    """Say how a request stands, in a cell of a table."""
    return f"{found.request.kind.value} {_stage(found)}"


def _percent(share: float) -> str:
    """Return a share for people; what is not all is never called 100 %."""
    return f"{min(share * 100, 99.9) if share < 1 else 100:.1f}%"


def told(found: RequestProgress) -> str:
    """Say how a request stands, in a line."""
    request = found.request
    text = f"{request.kind.value} {request.id} of {moment(request.time)}: {found.stage.value}"
    if found.stage is Stage.WAITING:
        return f"{text}; the collector looks for it at its next tick: is it running? data-collector status"
    if found.stage is Stage.RUNNING:
        at = f" as of {moment(found.as_of)}" if found.as_of is not None else ""
        stage = _stage(found).removeprefix(f"{found.stage.value}, ")
        return f"{text}; {stage}{at}, {duration(found.left.length / SECOND)} yet to be proved"
    return f"{text} at {moment(found.as_of)}" if found.stage is Stage.DONE and found.as_of is not None else text
