"""Whose time it is: three clocks that may each be wrong, and one that never jumps. Pure.

`now` is the source's clock, since its data is dated by it; but no proof, and no beginning, may lie beyond what is safe.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.units import MINUTE, SECOND

FAR = 3600 * SECOND
"""How far (ns) a source's clock may be ahead and be believed; beyond it the other clocks decide."""
NOISE_SECONDS = 1.5
"""How far off a source's clock may seem though it is right: HTTP tells whole seconds, replies take a while."""
JUMP = 5 * SECOND / 2
"""What (ns) is a jump of the safe clock: HTTP tells whole seconds, and replies take their time."""
MAX_PROOFS = 1500
"""Minutes of which it is remembered what was proved in them: a day and a bit."""


class Instant(NamedTuple):
    """One reading of three clocks, in ns: the source's and the collector's (Unix), and one that never jumps."""

    source: int
    clock: int
    steady: int

    @property
    def safe(self) -> int:
        """The earlier of the two Unix clocks: what proves must not run ahead with either."""
        return min(self.source, self.clock)


@dataclass(frozen=True, slots=True)
class Clocks:
    """One reading of this machine's two clocks, in ns: the Unix time, and one that never jumps."""

    clock: int
    steady: int


def present(source: int, clock: int, central: int | None) -> int:
    """Return what time it is at a source whose clock says `source`; all in Unix ns.

    A clock that is far ahead of the collector's is believed only when central's says so as well: the one in the middle
    counts, and of two the earlier. One that is behind is believed: its data is dated by it.
    """
    if source - clock <= FAR:
        return source
    return min(source, clock) if central is None else sorted((source, clock, central))[1]


def instant(clock: int, steady: int, source_skew: float | None, central_skew: float | None) -> Instant:
    """Return the reading of the clocks when the collector's own say `clock` (Unix ns) and `steady` (ns).

    The skews are by how many seconds the servers' clocks are ahead, None where that is not known. What time it is at
    the source is told in whole seconds: the newest fraction of one is read with the next tick, and log and query stay
    readable.
    """
    source = clock + (int(source_skew * SECOND) if source_skew is not None and abs(source_skew) > NOISE_SECONDS else 0)
    central = clock + int(central_skew * SECOND) if central_skew is not None else None
    return Instant(present(source, clock, central) // SECOND * SECOND, clock, steady)


class ProofClock:
    """Remembers when spans were proved, and which of them were not settled then, as is known when a clock jumps back.

    Both clocks may run ahead together, and be right again: what was proved meanwhile was proved too early.
    """

    def __init__(self) -> None:
        self._proved: deque[tuple[int, Spans]] = deque(maxlen=MAX_PROOFS)  # by the minute of the steady clock
        self._ahead: int | None = None  # by how much the safe clock was ahead of the steady one, at the most

    def proved(self, spans: Spans, at: Instant) -> None:
        """Record that `spans` were proved now."""
        minute = at.steady // MINUTE
        if self._proved and self._proved[-1][0] == minute:
            self._proved[-1] = (minute, self._proved[-1][1] + spans)
        else:
            self._proved.append((minute, spans))

    def early(self, at: Instant, lookback: int) -> Spans | None:
        """Return what was proved before it had settled, as far as is known now; None when no clock has jumped back."""
        ahead = at.safe - at.steady
        if self._ahead is None or ahead >= self._ahead - JUMP:
            self._ahead = ahead if self._ahead is None else max(ahead, self._ahead)
            return None
        self._ahead = ahead
        early = NOTHING
        for minute, spans in self._proved:
            early += spans.clip(start=minute * MINUTE + ahead - lookback)
        return early
