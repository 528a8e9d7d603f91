"""What the lint says: one finding is one thing to change, with its reason and the very line to write. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class File(Enum):
    """Which of the two files a finding is in."""

    QUERIES = "queries.yaml"
    TELEGRAF = "telegraf.conf"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to change: `key` of `file`, `why` it matters, and the line or lines to `write` there.

    A hint is what only the data can decide: it is told, but the files are clean.
    """

    file: File
    key: str
    why: str
    write: str
    hint: bool = False
