"""Files that others wrote, read whole, with an end: neither a device nor a sparse file fills memory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class UnfitFile(ValueError):
    """A file that is not read; the message says why, in words that go behind its name."""


def read_bounded(path: Path, most: int) -> bytes:
    """Return what the regular file at `path` holds, `most` bytes at the most.

    Raises UnfitFile when it is longer or is no regular file (a pipe is not waited for), OSError when it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise UnfitFile("is no regular file: a device or a pipe may have no end")
        content = b""
        while found.st_size <= most and len(content) <= most and (piece := os.read(descriptor, most + 1)):
            content += piece
    finally:
        os.close(descriptor)
    if found.st_size > most or len(content) > most:
        raise UnfitFile(f"is larger than {most:,} bytes")
    return content


def read_text(path: Path, most: int, encoding: str = "utf-8") -> str:
    """Return the same as text, which is UTF-8. Raises UnfitFile, also when it cannot be read or is of another form."""
    try:
        return read_bounded(path, most).decode(encoding)
    except OSError as error:
        raise UnfitFile(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UnfitFile(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
