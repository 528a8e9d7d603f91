"""How long something that failed is left alone: a while, twice as long each time, up to a limit. Pure; no jitter.

The unit is the one that it was made with. There is no jitter, since one collector asks one server: nobody waits along.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_DOUBLINGS = 60
"""2 ** 60 seconds are beyond any limit, and a float holds it exactly."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first`: the wait after one failure; `longest`: what no wait is longer than. Both in one unit."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row (1 and more), in the unit of `first`."""
        return min(self.first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), self.longest)
