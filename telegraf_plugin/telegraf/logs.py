"""The log: one line a record, the same to standard error, with Telegraf's level prefix, and to a rotated file.

telegraf `plugins/inputs/execd/execd.go`: a line on standard error that begins with `E! `, `W! `, `I! ` or `D! ` is
logged at that level, any other as an error; a line over 64 KiB ends the reading of standard error for good.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

MAX_LINE_BYTES = 8 * 1024
FILE_BYTES = 10 * 1024 * 1024
"""The log file is rotated at this size."""
FILES_KEPT = 5
"""Rotated files that are kept: collector.log.1 is the newest."""

MIN_SECRET = 8
STDERR = 2
STDERR_PATIENCE_MS = 100
"""How long a line may wait for a reader who is merely slow."""

LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
}
_PREFIX = {logging.DEBUG: "D! ", logging.INFO: "I! ", logging.WARNING: "W! "}


class OneLine(logging.Formatter):
    """Formats a record as one line of at most MAX_LINE_BYTES, control characters escaped, secrets blotted out."""

    def __init__(self, layout: str, secrets: Iterable[str]) -> None:
        super().__init__(layout, datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        # A shorter one is no secret, and would blot out ordinary words.
        # Longest first: one may begin like another.
        longest_first = sorted({secret for secret in secrets if len(secret) >= MIN_SECRET}, key=len, reverse=True)
        words = [re.escape(secret) for secret in longest_first]
        self._secrets = re.compile("|".join(words)) if words else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        text = super().format(record)
        if self._secrets is not None:
            text = self._secrets.sub("[token]", text)
        if not text.isprintable():  # character by character takes a tenth of a millisecond
            text = "".join(c if c.isprintable() else " | " if c == "\n" else ascii(c)[1:-1] for c in text)
        encoded = text.encode("utf-8", "backslashreplace")
        if len(encoded) > MAX_LINE_BYTES:
            encoded = encoded[: MAX_LINE_BYTES - 15] + b" ... [cut]"
        return encoded.decode("utf-8", "ignore")


class StderrHandler(logging.Handler):
    """Writes to standard error with Telegraf's prefixes, and never waits for a reader.

    A pipe that nobody reads is full in the end, and a write to it would stop the collector: lines that find no room
    are left out and counted, and the count is said when there is room again. A closed one is no reason to stop either.
    """

    def __init__(self) -> None:
        super().__init__()
        self._room = select.poll()
        self._room.register(STDERR, select.POLLOUT)
        self._pending = b""  # the rest of what is begun
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, if there is room for it."""
        try:
            self._flush()
            if self._pending:
                self._left_out += 1
                return
            lines = self._encoded(record)
            if self._left_out:
                said = f"{self._left_out} lines of this log were left out: standard error was not read"
                lines = self._encoded(logging.LogRecord("", logging.WARNING, "", 0, said, None, None)) + lines
            self._pending = lines
            self._flush()
            begun = self._pending != lines
            self._left_out = 0 if begun else self._left_out + 1
            self._pending = self._pending if begun else b""
        except OSError:
            self._left_out += 1

    def _encoded(self, record: logging.LogRecord) -> bytes:
        return (_PREFIX.get(record.levelno, "E! ") + self.format(record) + "\n").encode("utf-8", "backslashreplace")

    def _flush(self) -> None:
        """Write what is pending, as far as there is room, in pieces that a pipe takes whole or not at all."""
        while self._pending and self._room.poll(STDERR_PATIENCE_MS):
            self._pending = self._pending[os.write(STDERR, self._pending[: select.PIPE_BUF]) :]


class FileHandler(logging.handlers.RotatingFileHandler):
    """Writes to the rotated file. A full or read-only disk is said once on standard error until it is well again."""

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        """Log to `path`; raises OSError when it cannot be opened. `complain` says what is wrong later on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
        self._complain = complain
        self._broken = False
        self._failed_now = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self._failed_now = False
        super().emit(record)
        if not self._failed_now:
            self._broken = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's own name)
        """Say once that the file cannot be written."""
        self._failed_now = True
        if not self._broken:
            self._broken = True
            self._complain(
                f"the log file {self.baseFilename} cannot be written ({sys.exc_info()[1]}); going on without"
            )


def set_up(level: str, file: Path | None, secrets: Iterable[str]) -> None:
    """Send all logging of the process to standard error and to `file`, from `level` (a key of LEVELS) on.

    Warnings of libraries and errors of threads go there too. `secrets` appear in no line.
    """
    secrets = list(secrets)
    root = logging.getLogger()
    stderr = StderrHandler()
    stderr.setFormatter(OneLine("%(message)s", secrets))
    root.handlers = [stderr]
    root.setLevel(logging.WARNING)
    log = logging.getLogger("telegraf_plugin")
    log.setLevel(LEVELS[level])
    logging.raiseExceptions = True  # or handleError would not be called
    if file is not None:
        try:
            handler = FileHandler(file, lambda message: _say(stderr, message))
        except OSError as error:
            log.warning("the log file %s cannot be written (%s); going on without", file, error.strerror)
        else:
            handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s", secrets))
            root.addHandler(handler)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _say(handler: logging.Handler, message: str) -> None:
    handler.handle(logging.LogRecord("telegraf_plugin", logging.WARNING, "", 0, message, None, None))


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logging.getLogger("telegraf_plugin").error(
        "unexpected %s; please report this", kind.__name__, exc_info=(kind, error or kind(), trace)
    )
