"""What the core has to say to the log: values, since it does no I/O. The shell writes them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a note matters, by the numbers that logging gives its levels."""

    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the log: `text` with `%` for each of `values`."""

    level: Level
    text: str
    values: tuple[object, ...] = ()


class Notes:
    """Gathers notes until they are taken."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def info(self, text: str, *values: object) -> None:
        """Note what is of use to know."""
        self._notes.append(Note(Level.INFO, text, values))

    def warning(self, text: str, *values: object) -> None:
        """Note what somebody should look at."""
        self._notes.append(Note(Level.WARNING, text, values))

    def error(self, text: str, *values: object) -> None:
        """Note what somebody should mend."""
        self._notes.append(Note(Level.ERROR, text, values))

    def take(self) -> list[Note]:
        """Return what was gathered, and begin anew."""
        notes, self._notes = self._notes, []
        return notes
