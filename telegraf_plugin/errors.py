"""What can go wrong, sorted by what one does about it.

    CollectorError
    ├── ConfigurationError   the operator changes a file or a variable; the process ends with status 2
    ├── ServerError          a server did not give what was asked
    │   ├── SourceError          a source: its neighbours go on
    │   │   ├── TransientError       it may pass by itself (refused, timeout, 429, 5xx): tried again with backoff
    │   │   ├── PermanentError       it stays until somebody acts (401, 404, bad Flux): tried again each tick
    │   │   └── BadReply             what came is no whole annotated CSV reply: nothing of it is believed further
    │   └── CentralError         central: nothing is proved until it answers; reading goes on while there is room
    │       └── UnreadableLedger     one stream's ledger is a later collector's: it waits, its neighbours go on
    ├── NoRoom               central takes nothing for now: what is not read yet waits at the source
    └── OutputClosed         nobody reads the lines any more (Telegraf is gone): the process ends

Each carries fields and, where an operator can act, a `hint` that says what to do. Messages never hold a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class CollectorError(Exception):
    """The root of all errors raised here on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the configuration: `path` is its key path (`sources[0].url`), `message` what was expected.

    `unset`: an environment variable is asked for that has no value.
    """

    path: str
    message: str
    unset: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        # It goes to a terminal, and what it names comes from the file.
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class ConfigurationError(CollectorError):
    """The configuration cannot be used; `problems` lists everything wrong with `file`, not the first thing only."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__(f"{file}: " + "; ".join(map(str, problems)))
        self.file = file
        self.problems = problems


class ServerError(CollectorError):
    """A server did not give what was asked: `summary` says what happened, `hint` what to do about it.

    `permanent`: it stays until somebody acts. `status`: of HTTP, None where there was no reply. `retry_after`: for how
    long (seconds) the server asked to be left alone, None where it did not.
    """

    def __init__(
        self,
        summary: str,
        hint: str,
        permanent: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.hint = hint
        self.permanent = permanent
        self.retry_after = retry_after
        self.status = status


class SourceError(ServerError):
    """A source did not give what was asked."""


class TransientError(SourceError):
    """May pass by itself."""

    def __init__(self, summary: str, hint: str, retry_after: float | None = None) -> None:
        super().__init__(summary, hint, retry_after=retry_after)


class PermanentError(SourceError):
    """Stays until somebody acts."""

    def __init__(self, summary: str, hint: str, status: int | None = None) -> None:
        super().__init__(summary, hint, permanent=True, status=status)


class BadReply(SourceError):
    """The reply is cut short, is not annotated CSV, or tells of an error in mid-stream."""


class CentralError(ServerError):
    """Central did not give what was asked."""


class UnreadableLedger(CentralError):
    """One stream's ledger cannot be read, though central answers: its neighbours' can."""


class NoRoom(CollectorError):
    """As many lines are in flight as may be, and none arrived while it was waited for."""


class OutputClosed(CollectorError):
    """Nobody reads standard output any more."""
