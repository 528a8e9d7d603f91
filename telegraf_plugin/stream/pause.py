"""What an operator has paused: a point in the stream's bucket in central, and what the stream's marks keep of it. Pure.

It is of measurement `collector_pause` with tags `source` and `stream`, beside a backfill's request, so that neither
takes the other's place; the newest one of a stream counts. Marks carry it, since central's retention takes the point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.stream.names import PAUSE
from telegraf_plugin.stream.request import MAX_ID
from telegraf_plugin.stream.spans import BEGINNING, instant

MEASUREMENT = PAUSE


class Paused(Enum):
    """What of a stream waits until it is resumed."""

    NOTHING = "nothing"
    BACKLOG = "backlog"
    """All but live data: what is older, backfills, and the sweep."""
    STREAM = "stream"
    """All of it: its source is not asked for anything, and nothing but marks is printed."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One `pause` or `resume`: `id` tells it from others, `time` (Unix ns) is when it was asked for."""

    id: str
    what: Paused
    time: int

    def fields(self) -> dict[str, int | float | str]:
        """Return the fields of its point; its time is `time`."""
        return {"id": self.id, "what": self.what.value}

    @classmethod
    def read(cls, fields: Mapping[str, str], time: int) -> Pause:
        """Return the pause with these fields, as text, and this time. Raises ValueError for one that is damaged."""
        try:
            if not 0 < len(fields["id"]) <= MAX_ID or " " in fields["id"]:
                raise ValueError(f"a pause is damaged: its id is not a word of {MAX_ID} characters at the most")
            return cls(fields["id"], Paused(fields["what"]), time)
        except LookupError as error:
            raise ValueError(f"a pause is damaged: it has no {error}") from None

    def text(self) -> str:
        """Return it as it stands in a mark; empty as long as nothing was ever asked for."""
        return f"{self.what.value} {self.time} {self.id}" if self.id else ""

    @classmethod
    def parse(cls, text: str) -> Pause:
        """Read what `text` gave. Raises ValueError."""
        if not text:
            return NO_PAUSE
        what, time, name = (*text.split(" ", 2), "", "")[:3]
        return cls.read({"id": name, "what": what}, instant(time))


NO_PAUSE = Pause("", Paused.NOTHING, BEGINNING)
"""As long as nothing was asked for."""


def newest(*pauses: Pause | None) -> Pause:
    """Return which of `pauses` counts; None stands for none."""
    return max((each for each in pauses if each is not None), key=lambda each: each.time, default=NO_PAUSE)
