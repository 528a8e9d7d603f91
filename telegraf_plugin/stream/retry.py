"""When a failed read is tried again. Pure."""

from __future__ import annotations

from telegraf_plugin.errors import PermanentError, SourceError, TransientError
from telegraf_plugin.stream.backoff import Backoff

RETRIES = Backoff(1.0, 60.0)
"""Seconds to each retry, unless the server asks for more."""


def retry_delay(failures: int, error: SourceError) -> float | None:
    """Return in how many seconds to try again after `failures` in a row, the last one with `error`.

    None: not before the next tick, since time alone does not mend it.
    """
    if isinstance(error, PermanentError):
        return None
    delay = RETRIES.after(failures)
    asked = error.retry_after if isinstance(error, TransientError) else None
    return max(delay, asked or 0.0)
