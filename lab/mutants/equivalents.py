"""Mutants that are the same program to everybody: no test can find them out. Each has the reason.

They are not tried, another one takes their place. One whose code is gone is an error, and so is, with `--equivalents`,
one that a test does find out.
"""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {}
