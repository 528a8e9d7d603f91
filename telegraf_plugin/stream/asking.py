"""How often central is asked for the marks that are on their way to a bucket. Pure; all times are ns.

What may be in flight, divided by the time from a mark's printing to its being seen, bounds the speed of a backlog. So
where much is in flight central is asked several times in the time that a mark takes, whatever that is; where little is,
a mark is only waited for, and what asking costs both sides counts for more.
"""

from __future__ import annotations

from dataclasses import dataclass

from telegraf_plugin.stream.units import SECOND

POLL = SECOND // 5
"""How often central is asked where little is in flight: a mark waits for Telegraf's flush_interval."""
SOONEST = SECOND // 20
"""How often at the most, where much is."""
PATIENCE = 2 * SECOND
"""How long a bucket is left alone at the most though marks are on their way to it."""
ASKS_A_MARK = 8
"""How many times central is asked while a mark is on its way, where much is in flight."""
CALM_STREAMS = 10
"""Streams of one bucket up to which each mark is looked for as soon as it may be there; of more, all are together."""
CALM_PATIENCE = 4 * SECOND
"""How long the first mark of many waits for the others before it is looked for."""
BUSY_SHARE = 2
"""An answer took its time: central is left alone for this part of that, so that it has time for what it is sent."""


SOONER, LATER = 64, 4
"""Of how long is waited for the newest of many: a 64th less when all were there, a quarter more when one was not.
So one look in sixteen or so comes too early."""


@dataclass(slots=True)
class Asking:
    """Of one bucket: how long its marks `took`, the newer ones counting for more, and after how long the newest of many
    is `expected` to be there.
    """

    took: int = SECOND
    expected: int = SECOND

    def seen(self, took: int) -> None:
        """Record how long a mark was on its way until it was seen."""
        self.took += (max(took, 0) - self.took) // 2

    def looked(self, there: bool) -> None:
        """Record whether the marks of many were all `there` when they were looked for."""
        changed = self.expected - self.expected // SOONER if there else self.expected + self.expected // LATER
        self.expected = min(max(changed, POLL), PATIENCE)

    def calm(self, age: int) -> int:
        """Return after how long central is asked again where nobody waits for a mark, the newest being `age` old."""
        return min(max(self.expected - age, self.expected // LATER, POLL, age // 10), PATIENCE)

    def wait(self, age: int, much: bool, answer: int = 0) -> int:
        """Return after how long central is asked again.

        `age`: of the newest mark that has to come first; `much`: so much is in flight that a backlog waits for room,
        or soon will; `answer`: how long the last answer took.
        """
        often = max(SOONEST, self.took // ASKS_A_MARK) if much else POLL
        return min(max(often, age // 10, answer // BUSY_SHARE), PATIENCE)
