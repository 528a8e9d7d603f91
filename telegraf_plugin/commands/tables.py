"""What a command shows: a table on a terminal, plain lines elsewhere, JSON for scripts, and how far long work is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

LONGEST_NAME = 40
"""Characters of a table's first column that are not folded, in a terminal of 80."""
_STYLES = {"bad": "red", "warning": "yellow", "differs": "red"}


def write_table(headings: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO) -> None:
    """Write `rows` under `headings`: a table if `out` is a terminal, else a line a row, cells parted by TABs."""
    if out.isatty():
        Console(file=out).print(table(headings, rows))
    else:
        out.writelines("\t".join(map(_cell, row)) + "\n" for row in (headings, *rows) if rows)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """Return `rows` under `headings` for a terminal; what they hold is text, never markup.

    Columns that say nothing are left out: a terminal is narrow.
    """
    told = [place for place in range(len(headings)) if any(row[place] not in ("", "-") for row in rows)]
    made = Table()
    for place in told:
        # What a row is about is read whole, as long as others can give way. (With a min_width of rich's the table would
        # be wider than the terminal, and its end cut off.)
        longest = max((len(row[0]) for row in rows), default=0)
        whole_name = place == 0 and longest <= LONGEST_NAME
        width = LONGEST_NAME if place == 0 and not whole_name else None
        made.add_column(headings[place], overflow="fold", no_wrap=whole_name, width=width)
    for whole in rows:
        row = [whole[place] for place in told]
        style = next((_STYLES[cell] for cell in row if cell in _STYLES), "")
        made.add_row(*(Text(_cell(cell), style) for cell in row))
    return made


def write_json(document: Any, out: TextIO) -> None:
    """Write one JSON value on lines of its own."""
    out.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


class Meter:
    """Shows on standard error how far long work is: a bar on a terminal, elsewhere nothing."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None) if progress is not None else None

    def show(self, what: str, done: float, total: float | None) -> None:
        """Show that of `total` (None: not known) so much is `done`."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=what, completed=done, total=total)


@contextmanager
def meter(hidden: bool = False) -> Iterator[Meter]:
    """Yield a meter; it is gone from the terminal afterwards."""
    if hidden or not sys.stderr.isatty():
        yield Meter(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Meter(progress)


def _cell(text: str) -> str:
    """Names come from servers and files: what is no print stays out of terminals and of lines."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
