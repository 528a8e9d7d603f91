"""`python -m lab.pipe`: how long Telegraf waits for lines though there is a backlog, by what may be in flight.

A simulation, in steps of a millisecond: a reader that is faster than Telegraf, Telegraf's buffer, an output that writes
one batch after the other, and a central that is asked for marks. What may be printed and how often central is asked is
decided by the plugin's own classes (`stream.flow.Flow`, `stream.asking.Asking`); speeds are what was measured. So the
table says what the limits are worth on a machine that nothing else disturbs, and a test holds the plugin to it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from telegraf_plugin.stream.asking import Asking
from telegraf_plugin.stream.flow import Flow, Load

MILLISECOND = 1_000_000
CHUNK = 1500
"""Lines of one chunk of a reply."""
STREAM = "POD-8/telegraf"


class Outcome(NamedTuple):
    """Of one backlog: what part of the time Telegraf had nothing to write, and how many questions and marks a second
    there were.
    """

    idle: float
    questions: float
    marks: float


@dataclass(slots=True)
class Pipe:
    """A backlog of so many `lines` on its way: `rate` lines a second at which Telegraf and central take them, `reads`
    at which they are read; `answer` (ms) that a question for marks takes; `batch` lines that Telegraf writes at a time.
    """

    rate: int = 160_000
    reads: int = 400_000
    answer: int = 20
    limit: int = 100_000
    batch: int = 5000
    lines: int = 600_000
    flow: Flow = field(init=False)
    asking: Asking = field(default_factory=Asking)
    now: int = 0
    printed: int = 0
    written: int = 0
    marks: int = 0
    questions: int = 0
    _reader: float = 0.0
    _writing: int = 0
    _written_at: int = 0
    _on_their_way: deque[tuple[int, int]] = field(default_factory=deque)
    _landed: int = 0
    _asked: tuple[int, int] | None = None  # since when, and the newest mark there was
    _ask_at: int = 0
    _seen: int = 0

    def __post_init__(self) -> None:
        self.flow = Flow(self.limit)

    def run(self) -> Outcome:
        """Have all of it written."""
        idle = 0
        while self.written < self.lines:
            self.now += MILLISECOND
            self._read()
            idle += self._write()
            self._ask()
        took = self.now / 1e9
        return Outcome(idle * MILLISECOND / self.now, self.questions / took, self.marks / took)

    def _read(self) -> None:
        """Print what was read, as far as there is room."""
        self._reader += self.reads / 1000
        chunk = Load(CHUNK, 100 * CHUNK)
        while self._reader >= CHUNK and self.printed < self.lines:
            if not self.flow.has_room(chunk, False, STREAM):
                self._reader = CHUNK  # the query waits meanwhile
                if self.flow.unmarked(STREAM):
                    self._mark()
                return
            self._reader -= CHUNK
            self.printed += CHUNK
            self.flow.printed(STREAM, chunk)
            if self.flow.needs_mark(STREAM) or self.printed >= self.lines:
                self._mark()

    def _mark(self) -> None:
        self.marks += 1
        self.flow.marked(STREAM, self.now)
        self._on_their_way.append((self.printed, self.now))
        self._ask_at = min(self._ask_at, self.now + self.asking.wait(0, self.flow.crowded))

    def _write(self) -> int:
        """Write the next batch, if there is one; return 1 when Telegraf has nothing to do though there is more."""
        if self._writing and self.now >= self._written_at:
            self.written, self._writing = self.written + self._writing, 0
        while self._on_their_way and self._on_their_way[0][0] <= self.written:
            self._landed = self._on_their_way.popleft()[1]
        ready = min(self.batch, self.printed - self.written)
        flush = self.now % 1_000_000_000 < MILLISECOND
        if not self._writing and ready and (ready == self.batch or flush or self.printed >= self.lines):
            self._writing, self._written_at = ready, self.now + ready * 1_000_000_000 // self.rate
        return not self._writing and self.printed < self.lines

    def _ask(self) -> None:
        """Ask central for marks when it is time while one is waited for, and take the answer to what was asked."""
        waited = bool(self._on_their_way) or self._landed > self._seen
        if self._asked is None and waited and self.now >= self._ask_at:
            self._asked = self.now, self._landed
            self.questions += 1
        if self._asked is None or self.now < self._asked[0] + self.answer * MILLISECOND:
            return
        (began, there), self._asked = self._asked, None
        if there > self._seen:
            self._seen = there
            self.flow.back(STREAM, there)
            self.asking.seen(self.now - there)
        age = self.now - max(self._seen, self._on_their_way[0][1] if self._on_their_way else self.now)
        self._ask_at = self.now + self.asking.wait(max(age, 0), self.flow.crowded, self.now - began)


RATES = ((160_000, "one field a line"), (80_000, "ten fields a line"))
ANSWERS = (10, 30, 100, 300)
LIMITS = (25_000, 50_000, 100_000, 200_000)
BATCHES = (1000, 5000, 20_000)


def main() -> None:
    """Print the table."""
    print("Part of the time in which Telegraf waits for lines, though there is a backlog; questions for marks a second")
    print(f"{'lines a second':30} {'batch':>6} {'limit':>8}" + "".join(f"   answer {each:3} ms" for each in ANSWERS))
    for rate, what in RATES:
        for batch in BATCHES:
            for limit in LIMITS:
                found = [Pipe(rate, answer=each, limit=limit, batch=batch).run() for each in ANSWERS]
                cells = "".join(f"  {each.idle:6.1%} {each.questions:5.1f}" for each in found)
                print(f"{rate:9,} {what:20} {batch:6,} {limit:8,} {cells}")


if __name__ == "__main__":
    main()
