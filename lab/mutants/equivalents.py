"""Mutants that are the same program to everybody: no test can find them out. Each has the reason.

They are not tried, another one takes their place. One whose code is gone is an error, and so is, with `--equivalents`,
one that a test does find out.
"""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {
    "telegraf_plugin/gate.py: Gate.enter: "
    "not self._changed.wait(max(deadline - time.monotonic(), 0.0)) and time.monotonic() >= deadline"
    " -> (not self._changed.wait(max(deadline - time.monotonic(), 0.0)))": (
        "wait says False only when all of its time is over, so that the clock is at the deadline then"
    ),
}
