"""Prints what one job sends: lines through the gate, and marks behind them."""

from __future__ import annotations

from collections.abc import Callable

from telegraf_plugin.gate import Gate
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.telegraf.line_protocol import encoded
from telegraf_plugin.telegraf.writer import LineWriter


class Printer:
    """Prints lines of one stream (its label) for one job; `points` counts them."""

    def __init__(self, writer: LineWriter, gate: Gate, stream: str, live: bool, mark: Callable[[], MarkId]) -> None:
        """`live`: all of the gate's room may be used; `mark` makes a mark and prints it."""
        self.points = 0
        self._writer, self._gate, self._stream, self._live = writer, gate, stream, live
        self._make_mark = mark
        self._mark: MarkId | None = None

    def print(self, blocks: list[Block], exact: bool) -> None:
        """Print `blocks`, with the tags that they have in central, when there is room.

        `exact`: they are printed a second time, with their carriage returns. Raises NoRoom, OutputClosed.
        """
        for lines, content in encoded(blocks):
            self._gate.enter(self._stream, Load(lines, len(content)), self._live, self._print_mark)
            self._writer.write(content)
            self.points += 0 if exact else lines
            if self._gate.needs_mark(self._stream):
                self._print_mark()

    def finish(self) -> MarkId | None:
        """See that a mark is behind all lines, and return it; None when nothing was printed."""
        if self._gate.unmarked(self._stream):
            self._print_mark()
        return self._mark

    def _print_mark(self) -> None:
        self._mark = self._make_mark()
