"""When a failed read is tried again. Pure."""

from __future__ import annotations

from telegraf_plugin.errors import PermanentError, SourceError, TransientError

FIRST_DELAY = 1.0
"""Seconds to the first retry; each further one takes twice as long."""
LONGEST_DELAY = 60.0
"""Seconds that no retry is put off beyond, unless the server asks for it."""


def retry_delay(failures: int, error: SourceError) -> float | None:
    """Return in how many seconds to try again after `failures` in a row, the last one with `error`.

    None: not before the next tick, since time alone does not mend it.
    """
    if isinstance(error, PermanentError):
        return None
    delay = min(FIRST_DELAY * 2.0 ** min(failures - 1, 10), LONGEST_DELAY)
    asked = error.retry_after if isinstance(error, TransientError) else None
    return max(delay, asked or 0.0)
