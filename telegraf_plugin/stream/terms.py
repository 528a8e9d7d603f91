"""On what terms a stream does what is not a tick's: with what its source allows, as one among others. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from telegraf_plugin.stream.gathering import Proofs
from telegraf_plugin.stream.restraint import Leave
from telegraf_plugin.stream.units import HOUR


@dataclass(frozen=True, slots=True)
class Terms:
    """`leave`: what may be read, history in pieces of `longest` (ns) at the most; `place`: also what may take long,
    without which a stream that brings `little` does what `is_prompt`. `proofs`: when such a stream proves that, and
    goes over what is proved.
    """

    leave: Leave = Leave.ALL
    longest: int = HOUR
    place: bool = True
    little: bool = False
    proofs: Proofs = Proofs.ANY_TIME


ALONE = Terms()
"""Of a stream that need not heed others, and whose source allows all."""
