"""Who may begin what takes long: so many at a time over all sources, and each source in its turn. Pure.

Live data never waits for a place. What waits for one waits here, and its source's live data goes by; handed out, it
would hold that up until a thread has done what others have handed out before.
"""

from __future__ import annotations

from collections.abc import Iterable

PLACES = 16
"""As many as the executor does at a time of what may take long: half of its threads."""


class Places:
    """`most` places; a source that waits for one is told by `turns` that it has one now, for as long as it looks."""

    def __init__(self, most: int = PLACES) -> None:
        self._free = most
        self._kept: set[str] = set()  # sources that have a place, and have not looked yet what for
        self._waiting: dict[str, None] = {}  # those that wait, the first one first
        self._history: dict[str, int] = {}  # when a source began to read history last, by the number of such reads
        self._reads = 0

    def open(self, source: str) -> bool:
        """Say whether `source` may begin something: whoever waits comes first."""
        return source in self._kept or (not self._waiting and self._free > len(self._kept))

    def take(self, source: str) -> None:
        """Begin something that may take long."""
        self._free -= 1
        self._kept.discard(source)

    def give_back(self) -> None:
        """Note that something is over."""
        self._free += 1

    def wait(self, source: str) -> None:
        """Have `source` told when it has a place, unless it waits already."""
        self._waiting.setdefault(source)

    def looked(self, source: str) -> None:
        """Note that `source` has begun what it wants to: the place that it did not take is another one's."""
        self._kept.discard(source)

    def turns(self) -> list[str]:
        """Return the sources that have a place now, for which they waited."""
        found: list[str] = []
        while self._waiting and self._free > len(self._kept):
            source = next(iter(self._waiting))
            del self._waiting[source]
            self._kept.add(source)
            found.append(source)
        return found

    def read_history(self, source: str) -> None:
        """Note that `source` begins to read history: it is the last one next time."""
        self._reads += 1
        self._history[source] = self._reads

    def in_turn(self, sources: Iterable[str]) -> list[str]:
        """Return `sources` so that who has begun to read history least recently comes first.

        Where a mark makes room for some of them, that would else be who comes first in the configuration, each time.
        """
        return sorted(sources, key=lambda source: self._history.get(source, 0))
