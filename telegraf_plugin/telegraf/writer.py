"""The one writer of standard output: whole lines, one thread at a time, nothing else.

Whatever else in the process prints (a library's `print`, a warning) goes to standard error from here on: on
standard output Telegraf would take it for a metric.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios
import threading
import time

from telegraf_plugin.errors import OutputClosed


class LineWriter:
    """Writes lines to a file descriptor. Safe to use from several threads; lines of one call stay together."""

    def __init__(self, descriptor: int) -> None:
        """Write to `descriptor`, which belongs to this writer from now on."""
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._closed = False
        self._cut_off = False

    @classmethod
    def take_stdout(cls) -> LineWriter:
        """Take file descriptor 1 for lines alone: it, and `sys.stdout`, lead to standard error afterwards.

        Raises OutputClosed when there is none.
        """
        if not _is_open(1):
            raise OutputClosed("standard output is closed")
        if not _is_open(2):  # or the next file to be opened, this writer's own, would become standard error
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        writer = cls(os.dup(1))
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return writer

    @property
    def whole(self) -> bool:
        """Whether all that was written ends with a whole line: else what comes next would be glued to half of one."""
        return not self._cut_off

    def restore_stdout(self) -> None:
        """Lead file descriptor 1 to the lines' reader again, for a program that takes this one's place."""
        os.dup2(self._descriptor, 1)

    def write(self, lines: bytes) -> None:
        """Write `lines`, all of them or, when the process is ending, none.

        Blocks while the reader is slow. Raises OutputClosed when nobody reads any more.
        """
        with self._lock:
            if self._closed:
                raise OutputClosed("standard output is closed")
            view = memoryview(lines)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
                    if view and self._cut_off:  # the end has come: not a byte more
                        raise OutputClosed("standard output is closed, and the reader has not taken all lines")
            except OSError as error:
                self._closed = True
                raise OutputClosed(f"standard output is closed: {error.strerror}") from error

    def close(self, timeout: float) -> bool:
        """Refuse further calls, let the one in hand finish, and wait until the reader has taken everything.

        Returns False when that takes longer than `timeout` seconds: the reader does not read, and what it has not
        read is lost with the process. A call that is still in hand then is cut off: what was written is not `whole`
        (half a line at the very end is dropped by Telegraf's upstream parser).
        """
        deadline = time.monotonic() + timeout
        self._closed = True
        if not self._lock.acquire(timeout=timeout):
            self._cut_off = True
            return False
        self._lock.release()
        # A process that ends right after its last write can lose it: Telegraf closes its end when the process is gone.
        while unread(self._descriptor) and time.monotonic() < deadline:
            time.sleep(0.005)
        return not unread(self._descriptor)


def unread(descriptor: int) -> int:
    """Return how many bytes wait in the pipe behind `descriptor`; 0 where that is not a pipe."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0])
    except OSError:
        return 0


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
