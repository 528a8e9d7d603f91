"""What a collector says of itself where several stand by for one another: a claim, a point of `collector_lease`. Pure.

It goes to central's bucket of metrics, as health does. Runs that are for the same streams speak of the same lease; the
newest claim of each run counts, and which run's that is, nobody's clock decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.units import SECOND

LONGEST = 3 * 86_400 * SECOND
"""What a claim may last (ns): an interval is a day at the most. What says more is damage, and nobody waits for it."""
_CLAIM = re.compile(r"([0-9]{1,15}) ([0-9]{1,15}) ([0-9]{1,18}) (\S{0,253})")
_RUN = re.compile(r"[0-9a-zA-Z]{1,64}")


class Role(Enum):
    """What a run is, of those that have a lease in common."""

    STANDBY = "standby"
    """It watches: nothing is read, and no line of data is printed."""
    TAKING = "taking"
    """It has claimed the lease, and waits until that can be read in central. It prints no line of data yet."""
    ACTIVE = "active"
    """It has the lease: it reads, prints and proves, as long as it is seen in central that it has it."""
    OVER = "over"
    """It had the lease and has given it up, or it has ended."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one run last said.

    `term`: how many times the lease was taken until then, 0 where nothing is claimed; `beat`: the how manieth word of
    the run it is; `lasts`: for how long (ns) it counts without another one. `since` (Unix ns by the run's own clock):
    when it became what it is. `machine`: where it runs, as people call that.
    """

    run: str
    role: Role
    term: int
    beat: int
    lasts: int
    since: int = 0
    machine: str = ""
    version: str = ""

    @property
    def rank(self) -> tuple[int, str]:
        """Of two claims the greater one counts: the later term; where two took it at once, a name, the same to both."""
        return self.term, self.run

    @property
    def who(self) -> str:
        """Say which run it is, for people."""
        return f"run {self.run}{f' on {self.machine}' if self.machine else ''}"

    def text(self) -> str:
        """Return what others read, as it stands in the field `claim`: one value, which is seen whole or not at all."""
        return f"{self.term} {self.beat} {self.lasts} {''.join(self.machine.split())[:253]}"

    @classmethod
    def parse(cls, run: str, role: str, text: str) -> Claim:
        """Read what `text` gave, of that run and role. Raises ValueError."""
        found = _CLAIM.fullmatch(text)
        if found is None or _RUN.fullmatch(run) is None:
            raise ValueError(f"a claim is damaged: {text[:60]!r} of run {run[:60]!r}")
        term, beat, lasts = map(int, found.groups()[:3])
        if lasts > LONGEST:
            raise ValueError(f"a claim is damaged: it would last {lasts} ns")
        return cls(run, Role(role), term, beat, lasts, machine=found[4])


def lease_of(streams: Iterable[StreamDefinition]) -> str:
    """Return the name of the lease of whoever copies just these streams.

    Two that do not copy the same cannot stand by for each other: what only one of them copies would be copied by none.
    """
    labels = "\n".join(sorted(f"{stream.label}\t{stream.central_bucket}" for stream in streams))
    return blake2b(labels.encode(), digest_size=6).hexdigest()
