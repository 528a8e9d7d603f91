"""What the collector is told, what it has done, and what it has to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.commands import (
    Command,
    HeldNews,
    LedgerCommand,
    LedgerOutcome,
    LookUpSource,
    MarkPrinted,
    Outcome,
    SourceLookedUp,
)
from telegraf_plugin.stream.lease import ClaimsRead
from telegraf_plugin.stream.notes import Note


@dataclass(frozen=True, slots=True)
class Tick:
    """Telegraf asks for the newest points; `number` tells the ticks apart."""

    number: int


@dataclass(frozen=True, slots=True)
class Wake:
    """Nothing but time has passed."""


@dataclass(frozen=True, slots=True)
class Idle:
    """A source has done what the tick of that number asked for."""

    source: str
    tick: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Something has arrived in central, or was counted there: all may be well again."""


@dataclass(frozen=True, slots=True)
class Begun:
    """It stood by, and has the lease now: it reads from here on."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Another collector has taken the lease: this run is to end, and the next one stands by."""


Event = Tick | Wake | Outcome | LedgerOutcome | MarkPrinted | SourceLookedUp | ClaimsRead
Action = Command | LedgerCommand | LookUpSource
News = Attempt | HeldNews | Idle | Moved | Begun | Lost | Note
