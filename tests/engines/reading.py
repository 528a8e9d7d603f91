"""In which language the servers of a test are read: `auto` and `flux` by turns, test by test.

With BOTH_WAYS=yes each test is run by both. `auto` is InfluxQL for all that both languages read alike.
"""

from __future__ import annotations

import os
from typing import Any
from zlib import crc32

WAYS = ("auto", "flux")
MAKERS = frozenset(("PluginProcess", "run_once", "Stage", "Operator"))
"""What writes a queries.yaml: a test whose module knows one of them may move points."""
_now = "auto"


def ways_of(test: str) -> tuple[str, ...]:
    """Return by which languages the test of that name is run."""
    return WAYS if os.environ.get("BOTH_WAYS") == "yes" else (WAYS[crc32(test.encode()) % 2],)


def begin(way: str) -> None:
    """Have all that is written from now on say `way`."""
    global _now
    _now = way


def in_its_language(document: dict[str, Any]) -> dict[str, Any]:
    """Return the queries.yaml with `read` for central and all sources that do not say it themselves."""
    if _now == "auto":
        return document
    read = {"read": _now}
    sources = [read | source for source in document["sources"]]
    return document | {"central": read | document["central"], "sources": sources}
