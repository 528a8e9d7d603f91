"""Since when central fails to answer, by kind of question: that it still counts is no news of its reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from telegraf_plugin.stream.jobs import Check, Land
from telegraf_plugin.stream.units import SECOND

SAY_AGAIN = 60 * SECOND
"""How often (ns) the log says that central fails for the same reason."""


class Question(Enum):
    """What central is asked."""

    LOOK = auto()
    """Which marks its bucket has: the watch's."""
    COUNT = auto()
    READ = auto()

    @classmethod
    def of(cls, job: object) -> Question:
        """Return what a job asks."""
        return cls.COUNT if isinstance(job, Land | Check) else cls.READ


@dataclass(slots=True)
class _Failing:
    since: int
    said_at: int
    reason: str


class Uncompared:
    """The failures of one stream's questions to central; `total` counts them. Times are ns of the steady clock."""

    def __init__(self) -> None:
        self.total = 0
        self._looked_at: int | None = None  # since when the watch waits for an answer
        self._failing: dict[Question, _Failing] = {}

    def looked(self, steady: int) -> None:
        """Record that the watch asks the stream's bucket in central for the next of a look's steps."""
        self._looked_at = steady

    def silent(self, reason: str, steady: int) -> None:
        """Record that the stream's bucket in central does not answer; the watch says so in the log, once for all."""
        since = steady if self._looked_at is None else self._looked_at
        self._looked_at = None
        self._failing.setdefault(Question.LOOK, _Failing(since, steady, reason)).reason = reason

    def failed(self, question: Question, reason: str, steady: int) -> bool:
        """Record that a question failed at `steady`; returns whether that is news for the log."""
        self.total += 1
        failing = self._failing.get(question)
        if failing is None:
            self._failing[question] = _Failing(steady, steady, reason)
            return True
        news = failing.reason != reason or steady >= failing.said_at + SAY_AGAIN
        failing.reason = reason
        if news:
            failing.said_at = steady
        return news

    def answered(self, question: Question) -> bool:
        """Record that one was answered; returns whether none about points fails any more, and one did."""
        if question is Question.LOOK:
            self._looked_at = None
        failing = self._failing.pop(question, None) is not None
        return failing and question is not Question.LOOK and not self._failing.keys() - {Question.LOOK}

    def longest(self, steady: int) -> tuple[int, str]:
        """Return for how long (ns) what fails has failed, and the reason; (0, "") when nothing does.

        What has not been answered yet counts from when it was asked: a server that hangs fails late.
        """
        looked = [_Failing(self._looked_at, steady, "no answer yet")] if self._looked_at is not None else []
        first = min([*self._failing.values(), *looked], key=lambda failing: failing.since, default=None)
        return (max(steady - first.since, 0), first.reason) if first is not None else (0, "")
