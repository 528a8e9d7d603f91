"""Answers that came for several questions at once, until each has fetched its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(slots=True)
class Awaited(Generic[Asked, Told]):
    """What is `asked`; `wanted`: how often it may yet be; `told`: the answer, None as long as it is not known."""

    asked: Asked
    wanted: int = 0
    told: Told | None = None


class AwaitedAnswers(Generic[Asked, Told]):
    """What is awaited, by the text by which it is asked."""

    def __init__(self) -> None:
        self._by_text: dict[str, Awaited[Asked, Told]] = {}

    def __len__(self) -> int:
        return len(self._by_text)

    def add(self, text: str, asked: Asked) -> Awaited[Asked, Told]:
        """Note that one more question is about to ask `text`; the first one says what is `asked`."""
        awaited = self._by_text.setdefault(text, Awaited(asked))
        awaited.wanted += 1
        return awaited

    def all(self) -> list[Awaited[Asked, Told]]:
        """Return all that is awaited, in its order."""
        return list(self._by_text.values())

    def knows(self, text: str) -> bool:
        """Say whether `text` was foreseen, and has no answer."""
        awaited = self._by_text.get(text)
        return awaited is not None and awaited.told is None

    def has(self, text: str) -> bool:
        """Say whether `text` has an answer here."""
        awaited = self._by_text.get(text)
        return awaited is not None and awaited.told is not None

    def take(self, text: str) -> Told | None:
        """Return the answer; None where it is not known. Asked once more it is another question, of another time."""
        awaited = self._by_text.get(text)
        if awaited is None or awaited.told is None:
            return None
        awaited.wanted -= 1
        if awaited.wanted <= 0:
            del self._by_text[text]
        return awaited.told
