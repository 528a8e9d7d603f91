"""One request for what several commands ask of one server, as `telegraf_plugin.influxdb.bundle` makes it."""

from __future__ import annotations

from collections.abc import Iterable

from telegraf_plugin.execution.foresight import asks_source, foreseeable
from telegraf_plugin.influxdb.statements import MAX_BYTES
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.jobs import Copy

POINT_BYTES = 20
"""What a point of a light read takes in an answer (a time, a value, its part of the row)."""


class Shared:
    """One request, asked when the first of its questions wants an answer, for all that have joined by then.

    `begins`, `ends`: when that is asked, and answered (Unix ns), None as long as nobody has. `failed`: it was not.
    """

    def __init__(self) -> None:
        self.begins: int | None = None
        self.ends: int | None = None
        self.failed = False
        self.questions = 0
        self._left = MAX_BYTES // POINT_BYTES

    def joins(self, now: int) -> bool:
        """Say whether more may be asked by it: it was not asked yet."""
        return self.begins is None or now < self.begins

    def ask(self, begins: int, took: int, answers: bool) -> None:
        """Ask: it takes so long (ns) from `begins` on."""
        self.begins, self.ends, self.failed = begins, begins + took, not answers

    def keeps(self, points: int) -> bool:
        """Say whether an answer of so many points is kept; who wants more asks alone."""
        self._left -= points
        return self._left >= 0


class Bundles:
    """The requests for several commands at once; of a bucket of central one is asked at a time."""

    def __init__(self, together: bool) -> None:
        """Unless `together` each command asks for itself."""
        self.together = together
        self._open: dict[str, Shared] = {}
        self._free_at: dict[str, int] = {}

    def of(self, commands: Iterable[Command], now: int) -> dict[str, Shared]:
        """Return, by bucket, the request for what `commands` are about to ask."""
        found: dict[str, Shared] = {}
        for command in commands:
            if not self.together or not asks_central(command):
                continue
            bucket = command.stream.central_bucket
            if bucket not in found:
                before = self._open.get(bucket)
                found[bucket] = self._open[bucket] = before if before is not None and before.joins(now) else Shared()
            found[bucket].questions += 1
        return found

    def of_source(self, commands: Iterable[Command]) -> Shared | None:
        """Return the request for what the commands of a batch are about to ask of their source; None: each asks."""
        asked = sum(foreseeable(command) and asks_source(command) for command in commands)
        return Shared() if self.together and asked > 1 else None

    def begin(self, bucket: str, now: int) -> int:
        """Return when one that is wanted now may be asked: when the one before it is answered."""
        return max(now, self._free_at.get(bucket, 0))

    def asked(self, bucket: str, shared: Shared) -> None:
        """Note that it is asked."""
        self._free_at[bucket] = shared.ends or 0


def asks_central(command: Command) -> bool:
    """Say whether `command` has a question for central that can be foreseen."""
    return foreseeable(command) and not isinstance(command.job, Copy)
