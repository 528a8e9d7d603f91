"""When one stream is tried again: at its source, and in central. Pure; times are ns of the steady clock."""

from __future__ import annotations

from telegraf_plugin.errors import CentralError, SourceError
from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.units import SECOND

SOURCE_RETRIES = Backoff(1.0, 60.0)
"""Seconds to each retry of a source, unless it asks for more."""
CENTRAL_RETRIES = Backoff(1.0, 15.0)
"""Seconds after which central is asked again."""
NEVER = 1 << 63
"""Beyond all times: not before the next tick."""


def retry_delay(failures: int, error: SourceError) -> float | None:
    """Return in how many seconds to ask a source again after `failures` in a row, the last one with `error`.

    None: not before the next tick, since time alone does not mend it.
    """
    if error.permanent:
        return None
    return max(SOURCE_RETRIES.after(failures), error.retry_after or 0.0)


class Retries:
    """The failures in a row of one stream's two sides."""

    def __init__(self) -> None:
        self._failures = self._central_failures = 0
        self._retry_at = 0  # not before, but for a tick
        self._not_before = 0  # not even at a tick: the source asked for it
        self._central_at = 0

    def tick(self, steady: int) -> bool:
        """Try again now, unless the source asked to be left alone; returns whether it did not."""
        if self._not_before > steady:
            return False
        self._retry_at = 0
        return True

    def source_failed(self, error: SourceError, steady: int, alone: bool) -> None:
        """Record a failure of the source; `alone`: other questions were answered, so the next one may be asked."""
        self._failures += 1
        if alone and not error.retry_after:
            return
        delay = retry_delay(self._failures, error)
        self._retry_at = steady + int(delay * SECOND) if delay is not None else NEVER
        if error.retry_after:
            self._not_before = self._retry_at

    def source_answered(self) -> None:
        """Record that the source has answered well."""
        self._failures = self._not_before = 0

    def central_failed(self, error: CentralError, steady: int, alone: bool) -> None:
        """Record a failure of central: it is asked again after a while, longer each time, or as long as it asks for."""
        self._central_failures += 1
        delay = 0.0 if alone else CENTRAL_RETRIES.after(self._central_failures)
        self._central_at = steady + int(max(delay, error.retry_after or 0.0) * SECOND)

    def central_answered(self) -> None:
        """Record that central has answered a question."""
        self._central_failures = self._central_at = 0

    def may_ask_source(self, steady: int) -> bool:
        """Say whether the source may be asked."""
        return max(self._not_before, self._retry_at) <= steady

    def may_ask_central(self, steady: int) -> bool:
        """Say whether central may be asked."""
        return self._central_at <= steady

    def wakes_at(self, steady: int) -> int | None:
        """Return when one of them may be asked that may not be now; None when both may."""
        source = max(self._not_before, self._retry_at)
        waits = [time for time in (source, self._central_at) if steady < time < NEVER]
        return min(waits, default=None)
