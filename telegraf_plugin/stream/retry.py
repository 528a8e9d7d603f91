"""When a failed read is tried again. Pure."""

from __future__ import annotations

from telegraf_plugin.errors import SourceError
from telegraf_plugin.stream.backoff import Backoff

RETRIES = Backoff(1.0, 60.0)
"""Seconds to each retry, unless the server asks for more."""


def retry_delay(failures: int, error: SourceError) -> float | None:
    """Return in how many seconds to try again after `failures` in a row, the last one with `error`.

    None: not before the next tick, since time alone does not mend it.
    """
    if error.permanent:
        return None
    delay = RETRIES.after(failures)
    return max(delay, error.retry_after or 0.0)
