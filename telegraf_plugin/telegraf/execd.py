"""The signals of `inputs.execd`: a newline on standard input is a tick, its end is the end.

telegraf `plugins/inputs/execd/README.md`: with `signal = "STDIN"` Telegraf writes a newline every interval and closes
the pipe when it stops. When Telegraf itself is killed, the closed pipe is the only sign of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


class TickReader:
    """Reads ticks from a file descriptor in a thread of its own.

    Ticks that come while one is still waiting to be taken count as one: an interval that was missed is not made up
    for by two reads in a row.
    """

    def __init__(self, descriptor: int, on_tick: Callable[[], None], on_end: Callable[[], None]) -> None:
        """Call `on_tick` for ticks from `descriptor`, and `on_end` once at its end, both from that thread."""
        self._descriptor = descriptor
        self._on_tick = on_tick
        self._on_end = on_end
        self._waiting = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="ticks", daemon=True).start()

    def taken(self) -> None:
        """Say that the last tick is being served: the next newline is a new one."""
        with self._lock:
            self._waiting = False

    def _read(self) -> None:
        while True:
            try:
                received = os.read(self._descriptor, 65536)
            except OSError:
                received = b""
            if not received:
                break
            if b"\n" in received:
                with self._lock:
                    fresh, self._waiting = not self._waiting, True
                if fresh:
                    self._on_tick()
        self._on_end()
