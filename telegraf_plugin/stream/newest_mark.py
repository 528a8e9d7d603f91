"""What a stream's newest mark that was printed says, what was mirrored beside one, and when they are too old. Pure."""

from __future__ import annotations

from telegraf_plugin.stream.ledger import Mark, Origin
from telegraf_plugin.stream.pause import NO_PAUSE, Pause
from telegraf_plugin.stream.spans import Spans


class NewestMark:
    """The mark by which the next run would begin, as far as its own run has printed it. Times are ns, steady clock."""

    def __init__(self) -> None:
        self._proved = Spans()
        self._asides: tuple[str, Pause] = "", NO_PAUSE  # the request that is done, and what is paused
        self._at = 0
        self._mirror: Origin | None = None
        self._mirror_at = 0

    def adopted(self, mark: Mark | None) -> None:
        """Record the mark with which the stream begins; what is mirrored has to be said anew."""
        if mark is not None:
            self._asides = mark.request, mark.pause
        self._mirror = None

    def printed(self, mark: Mark, mirror: Origin | None, steady: int) -> None:
        """Record a mark that is about to be printed, and what is mirrored beside it."""
        self._proved, self._asides, self._at = mark.proved, (mark.request, mark.pause), steady
        if mirror is not None:
            self._mirror, self._mirror_at = mirror, steady

    def tells(self, request: str, pause: Pause) -> bool:
        """Say whether it has that `request` as the last one that is done, and that `pause`."""
        return self._asides == (request, pause)

    def mirrors(self, origin: Origin, steady: int, renew: int) -> bool:
        """Say whether that `origin` is mirrored, within the last `renew`."""
        return origin == self._mirror and steady - self._mirror_at < renew

    def old_at(self, proved: Spans, renew: int, longest: int) -> int:
        """Return when it is too old: after `renew`; after `longest`, if sooner, where what is proved changed."""
        return self._at + (min(renew, longest) if proved != self._proved else renew)
