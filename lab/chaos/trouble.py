"""`Rule`: what a proxy does to which requests instead of passing them on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Scope(Enum):
    """The requests that a rule is for."""

    WRITE = "/api/v2/write"
    QUERY = "/api/v2/query"
    ALL = "/"


class Trouble(Enum):
    """What happens to a request."""

    STATUS = "answered by the proxy with `status`; the server never sees it"
    CUT_REQUEST = "the server gets half of the body, then both connections end"
    CUT_REPLY = "the server does it; the client gets at most half of the reply's first piece, then the end"
    LOSE_REPLY = "the server does it; the client's connection ends without an answer"
    DELAY_REPLY = "the server does it; the answer comes `seconds` later"
    LATE_REQUEST = "the client's connection ends without an answer; the server gets it `seconds` later"


@dataclass
class Rule:
    """One trouble for the requests of one scope; `hits` counts those that met it."""

    trouble: Trouble
    scope: Scope = Scope.ALL
    status: int = 503
    seconds: float = 0.0
    hits: int = 0
    last: str = field(default="", repr=False)  # the last request that met it, for the log
