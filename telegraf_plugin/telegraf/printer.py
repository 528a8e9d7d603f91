"""Prints what one command sends: lines when there is room in flight, and marks behind them."""

from __future__ import annotations

from collections.abc import Callable

from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.commands import Command, MarkPrinted
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.line_protocol import encoded
from telegraf_plugin.telegraf.marks import mark_line, origin_line
from telegraf_plugin.telegraf.writer import LineWriter


class Printer:
    """Prints lines of one stream for one command; `points` counts them."""

    def __init__(
        self,
        command: Command,
        writer: LineWriter,
        window: InFlightWindow,
        tell: Callable[[MarkPrinted], None],
        clock: Callable[[], int],
    ) -> None:
        """`tell` is told of each mark before it is written; `clock` gives Unix ns."""
        self.points = 0
        self._command, self._writer, self._window, self._tell, self._clock = command, writer, window, tell, clock
        self._template = command.template
        self._mark: MarkId | None = None

    def print(self, blocks: list[Block], exact: bool) -> None:
        """Print `blocks`, with the tags that they have in central, when there is room.

        `exact`: they are printed a second time, with their carriage returns. Raises NoRoom, OutputClosed.
        """
        label = self._command.stream.label
        for lines, content in encoded(blocks):
            self._window.enter(label, Load(lines, len(content)), self._command.live, self.mark)
            self._writer.write(content)
            self.points += 0 if exact else lines
            if self._window.needs_mark(label):
                self.mark()

    def mark(self) -> None:
        """Print a mark. Raises OutputClosed."""
        stream, origin = self._command.stream, self._template.origin
        mark, self._template = self._template.make(self._clock())
        self._tell(MarkPrinted(stream.id, mark, origin))  # first: it may be back before this goes on
        self._window.marked(stream.label, mark.id.time)
        mirrored = origin_line(stream, origin, mark.id.time) if origin is not None else b""
        self._writer.write(mark_line(stream, mark) + mirrored)
        self._mark = mark.id

    def finish(self) -> MarkId | None:
        """See that a mark is behind all lines, and return it; None when nothing was printed. Raises OutputClosed."""
        if self._window.unmarked(self._command.stream.label):
            self.mark()
        return self._mark
