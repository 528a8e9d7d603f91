"""What one stream's task knows, and what of it waits since an operator has paused it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.flow import Window
from telegraf_plugin.stream.ledger import Reading
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.pause import Pause, Paused, newest
from telegraf_plugin.stream.restraint import Allowance
from telegraf_plugin.stream.retries import Retries
from telegraf_plugin.stream.spans import Span, Spans
from telegraf_plugin.stream.uncompared import Uncompared
from telegraf_plugin.stream.units import utc


class TaskState:
    """The state of one stream's task, in one run of the plugin (`run`).

    `window`: the lines in flight; `sweep`: the part of the time for comparing again what is proved; `notes`: what is
    to be logged; `allowance`: what of its source's history may be read.
    """

    def __init__(
        self,
        stream: StreamDefinition,
        run: str,
        window: Window,
        notes: Notes,
        sweep: float = 0.0,
        allowance: Allowance | None = None,
    ) -> None:
        self.stream = stream
        self.allowance = allowance or Allowance()
        self.account = Account(stream, run, sweep)
        self.course = self.account.course
        self.window = window
        self.command: Command | None = None  # the one in hand
        self.wants_room = False  # it was asked what to do, and there was no room for all of that
        self.wants_place = False  # the same, and there was no place for what may take long
        self.central: bool | None = None  # whether the landing bucket answers, None while it was not asked
        self.ticked = Instant(0, 0, 0)
        self.brings_little = False  # its last live read did, and nothing has failed since
        self._notes = notes
        self._ledger: Reading | None = None  # what central says, to be adopted
        self._retries = Retries()
        self.uncompared = Uncompared()
        self._unasked = False  # the source was not asked for anything in this tick
        self._wanted = False  # there was a tick
        self._was_quiet = False  # it was in quiet hours
        self._unseen = False  # it was adopted without asking its source, as it is paused
        self._source_bucket: Bucket | None = None
        self._central_bucket: Bucket | None = None

    @property
    def state(self) -> State:
        """Where it stands with the ledger."""
        return self.account.state

    @property
    def loaded(self) -> bool:
        """Whether its ledger was read, and waits to be adopted."""
        return self._ledger is not None

    def pause(self, pause: Pause, at: Instant) -> None:
        """Record what an operator has paused, or resumed; what is in hand is finished."""
        before = self.account.pause.what
        if not self.account.take_pause(pause, at):
            return
        self._wait_if_paused()
        if before is Paused.STREAM and pause.what is not Paused.STREAM:
            self.course.due = self._wanted  # what this tick would have read
        text = "%s: %s" if pause.what is not Paused.NOTHING else "%s: it is resumed"
        said = (self.account.progress(at).waits,) if pause.what is not Paused.NOTHING else ()
        self._notes.warning(text, self.stream.label, *said)

    @property
    def paused(self) -> bool:
        """Whether all of it is paused, as far as is known."""
        asked = newest(self.account.pause, self._ledger.paused if self._ledger is not None else None)
        return asked.what is Paused.STREAM

    def _room(self) -> tuple[bool, bool]:
        """Say whether there is room to read live data, and history, of which little is read first in a crowd."""
        label = self.stream.label
        live, room = self.window.has_room(True, label), self.window.has_room(False, label)
        self.wants_room = not room
        if self.window.crowded:
            self.course.pace.crowded()
        return live, room

    def _wait_if_paused(self) -> None:
        if self.paused:
            self._unasked = self.course.due = False

    def _say_redefined(self, sent: Spans) -> None:
        text = (
            "%s: what it selects, or how it is named or tagged, was changed: from %s on it is copied so; what central "
        )
        text += "has of before stays as it is%s"
        origin = self.course.origin
        self._notes.warning(text, self.stream.label, utc(origin), both_forms(sent, origin))


def both_forms(sent: Spans, origin: int) -> str:
    """Return what is said of the points that were `sent` in another form; the stream begins at `origin` (Unix ns)."""
    recent, older = sent.clip(start=origin).hull, sent.clip(stop=origin).parts
    said = ""
    if recent:
        said += f"; points of {_told([recent])} were sent already, and may stand there in both forms"
    if older:  # part by part: around them is what was proved, and is not copied anew
        said += f"; points of {_told(older)} were sent by a backfill, and may stand there in both forms if it goes on"
    return said


def _told(parts: Iterable[Span]) -> str:
    return ", ".join(f"[{utc(start)}, {utc(stop)})" for start, stop in parts)
