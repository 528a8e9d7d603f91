"""The printing of one command's lines: a piece at a time as there is room in flight, with marks behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise

from lab.simulation.central import Landing
from lab.simulation.pipe import PATIENCE, FlowWindow, Output, Printed
from lab.simulation.site import Site, count
from telegraf_plugin.errors import NoRoom
from telegraf_plugin.stream.commands import Command, MarkPrinted
from telegraf_plugin.stream.flow import Load as Lines
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Spans

LINE_BYTES = 200
"""What a line takes: ten fields and their series' tags."""


class Printing:
    """Prints for one command what `Printer` would; `ended` is told the mark behind the lines, or NoRoom."""

    def __init__(
        self,
        later: Callable[[int, Callable[[], object]], object],
        command: Command,
        window: FlowWindow,
        output: Output,
        landing: Landing,
        tell: Callable[[MarkPrinted], None],
        clock: Callable[[], int],
        ended: Callable[[MarkId | NoRoom | None], None],
    ) -> None:
        """`later` has something done after so long (ns); `tell` is told of each mark before it is printed; `clock`
        gives the collector's time, Unix ns.
        """
        self._later, self._command, self._window, self._output, self._landing = later, command, window, output, landing
        self._tell, self._clock, self._ended = tell, clock, ended
        self._template = command.template  # None of what prints nothing
        self._label = command.stream.label
        self._mark: MarkId | None = None
        self._pieces: deque[tuple[Spans, int]] = deque()
        self._waits = 0

    def print(self, spans: Spans, site: Site) -> None:
        """Print the stream's points at the times `spans`."""
        each = site.points[self._command.stream.id]
        # What a comparison found missing is a line each point.
        fields = site.fields if isinstance(self._command.job, Copy) else 1
        if spans.hull is not None:
            start, stop = spans.hull
            parts = -(-count(spans, each) // fields // self._window.piece.lines)
            edges = [start + (stop - start) * part // max(parts, 1) for part in range(max(parts, 1))] + [stop]
            for first, last in pairwise(edges):
                piece = spans.clip(first, last)
                lines = -(-count(piece, each) // fields)
                if lines:
                    self._pieces.append((piece, lines))
        self._go_on()

    def mark(self) -> None:
        """Print a mark."""
        assert self._template is not None
        origin = self._template.origin
        mark, self._template = self._template.make(self._clock())
        self._tell(MarkPrinted(self._command.stream.id, mark, origin))
        self._window.flow.marked(self._label, mark.id.time)
        self._output.take(Printed(self._landing, 1, mark=mark, origin=origin))
        self._mark = mark.id

    def mark_alone(self) -> None:
        """Print a mark, and no lines."""
        self.mark()
        self._ended(self._mark)

    def _go_on(self) -> None:
        flow = self._window.flow
        while self._pieces:
            spans, lines = self._pieces[0]
            load = Lines(lines, lines * LINE_BYTES)
            if not flow.has_room(load, self._command.live, self._label):
                if flow.unmarked(self._label):
                    self.mark()
                self._wait()
                return
            flow.printed(self._label, load)
            self._output.take(Printed(self._landing, lines, spans))
            self._pieces.popleft()
            if flow.needs_mark(self._label):
                self.mark()
        if flow.unmarked(self._label):
            self.mark()
        self._ended(self._mark)

    def _wait(self) -> None:
        self._waits += 1
        wait = self._waits
        self._window.wait(lambda: self._try_again() if wait == self._waits else None)
        self._later(PATIENCE, lambda: self._give_up() if wait == self._waits else None)

    def _try_again(self) -> None:
        self._waits += 1
        self._go_on()

    def _give_up(self) -> None:
        self._waits += 1
        self._pieces.clear()
        if self._window.flow.unmarked(self._label):
            self.mark()
        self._ended(NoRoom(f"{self._window.lines()} lines are in flight"))
