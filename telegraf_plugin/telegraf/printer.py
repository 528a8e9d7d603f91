"""Prints what one command sends: lines when there is room in flight, and marks behind them.

Where the tag `field` is not added, the fields that a series has at one time share a line as far as they can be merged.
What is held for that is not printed, nor counted, and no mark is behind it: `finish` writes the rest before its mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from telegraf_plugin.errors import NoRoom
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.commands import Command, MarkPrinted
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.marks import mark_line, origin_line
from telegraf_plugin.telegraf.merger import LineMerger
from telegraf_plugin.telegraf.wide_lines import Columns, encoded
from telegraf_plugin.telegraf.writer import LineWriter


class Printer:
    """Prints lines of one stream for one command; `points` counts the points in them."""

    def __init__(
        self,
        command: Command,
        writer: LineWriter,
        window: InFlightWindow,
        tell: Callable[[MarkPrinted], None],
        clock: Callable[[], int],
    ) -> None:
        """`command` has a template. `tell` is told of each mark before it is written; `clock` gives Unix ns."""
        assert command.template is not None
        self.points = 0
        self._command, self._writer, self._window, self._tell, self._clock = command, writer, window, tell, clock
        self._template = command.template
        self._mark: MarkId | None = None
        self._merger, self._exact = line_merger(command), False

    def print(self, blocks: list[Block], exact: bool) -> None:
        """Print `blocks`, with the tags that they have in central, when there is room.

        `exact`: they are printed a second time, with their carriage returns. Raises NoRoom, OutputClosed.
        """
        if exact != self._exact:  # a second reading lands over the first
            self._write(self._merger.rest())
            self._exact = exact
        self._write(self._merger.add(blocks))

    def _write(self, several: Iterable[Columns]) -> None:
        label = self._command.stream.label
        try:
            for lines, points, content in encoded(several, most_lines=self._window.piece_lines):
                self._window.enter(label, Load(lines, len(content)), self._command.live, self.mark)
                self._writer.write(content)
                self.points += 0 if self._exact else points
                if self._window.needs_mark(label):
                    self.mark()
        except NoRoom:
            self._merger.clear()  # the query is given up: all of it is read again
            raise

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
        """See that all is printed and a mark behind it, and return that; None when nothing was printed.

        Raises NoRoom, and then there is a mark behind what was printed; OutputClosed.
        """
        self._write(self._merger.rest())
        if self._window.unmarked(self._command.stream.label):
            self.mark()
        return self._mark


def line_merger(command: Command) -> LineMerger:
    """Return what puts the fields of a command's lines together.

    What a comparison found missing is never wide: central may have refused the whole line for one of its fields.
    """
    job = command.job
    if not isinstance(job, Copy) or not command.stream.wide:
        return LineMerger(wide=False)
    return LineMerger(wide=not job.narrow, apart=job.apart)
