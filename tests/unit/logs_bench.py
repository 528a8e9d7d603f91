"""A record and its line, and the process' logging as it was before."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from telegraf_plugin.telegraf.logs import OneLine

TOKEN = "token-that-nobody-may-see=="


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Leaves the process' logging as it was: `set_up` takes all of it."""
    root, own = logging.getLogger(), logging.getLogger("telegraf_plugin")
    handlers, level, own_level, raises = root.handlers[:], root.level, own.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level, logging.raiseExceptions = handlers, level, raises
    own.setLevel(own_level)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks


def record(message: str, *arguments: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("telegraf_plugin", level, __file__, 1, message, arguments, None)


def line(message: str, *secrets: str) -> str:
    return OneLine("%(message)s", secrets).format(record(message))
