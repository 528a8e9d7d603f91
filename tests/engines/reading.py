"""In which language the servers of a test are read: `auto` and `flux` by turns, test by test.

OTHER_WAY=yes gives each test the other one; `make test BOTH_WAYS=yes` runs them a second time so. `auto` is InfluxQL
for all that both languages read alike.
"""

from __future__ import annotations

import os
from typing import Any
from zlib import crc32

WAYS = ("auto", "flux")
MAKERS = frozenset(("PluginProcess", "run_once", "Stage", "Operator"))
"""What writes a queries.yaml: a test whose module knows one of them may move points."""
_now = "auto"


def way_of(test: str) -> str:
    """Return by which language the test of that name is run."""
    other = os.environ.get("OTHER_WAY") == "yes"
    return WAYS[(crc32(test.encode()) + other) % 2]


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
