"""What a read has come to, in points. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from telegraf_plugin.stream.drops import DropReason, Drops


@dataclass(slots=True)
class Tally:
    """What was read: `points`, of which `drops` cannot pass; `sent`: printed.

    `unwatched`: too many series to notice overwriting.
    """

    points: int = 0
    sent: int = 0
    drops: Drops = field(default_factory=Drops)
    unwatched: bool = False

    @property
    def countable(self) -> int:
        """Those of the points that the source counts as the stream's: without the collector's own measurements."""
        own = self.drops.get(DropReason.OWN_MEASUREMENT)
        return self.points - (own.points if own is not None else 0)
