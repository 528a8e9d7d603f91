"""What an operator's command asks of the running plugin: a point in the stream's bucket in central. Pure.

It is of measurement `collector_request` with tags `source` and `stream`, and the newest one of a stream counts. The
plugin's marks carry its id when it is done; commands never write marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.stream.names import REQUEST
from telegraf_plugin.stream.spans import Spans

MEASUREMENT = REQUEST
MAX_ID = 100
"""Characters of a request's id: each mark carries it."""


class Kind(Enum):
    """What is asked for."""

    BACKFILL = "backfill"
    """Copy the spans, though they are older than where the stream begins."""
    REPAIR = "repair"
    """Compare the spans point by point, and send what central lacks or has otherwise."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `id` tells it from others, `time` (Unix ns) is when it was made; `cancelled`: leave it."""

    id: str
    kind: Kind
    spans: Spans
    cancelled: bool
    time: int

    def fields(self) -> dict[str, int | float | str | bool]:
        """Return the fields of its point; its time is `time`."""
        return {"id": self.id, "kind": self.kind.value, "spans": self.spans.text(), "cancelled": self.cancelled}

    @classmethod
    def read(cls, fields: Mapping[str, str], time: int) -> Request:
        """Return the request with these fields, as text, and this time. Raises ValueError for one that is damaged."""
        try:
            if len(fields["id"]) > MAX_ID:
                raise ValueError(f"a request is damaged: its id has more than {MAX_ID} characters")
            spans = Spans.parse(fields["spans"])
            return cls(fields["id"], Kind(fields["kind"]), spans, fields["cancelled"] == "true", time)
        except LookupError as error:
            raise ValueError(f"a request is damaged: it has no {error}") from None
