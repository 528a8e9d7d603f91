"""The ledger's one kind of record, the mark, and which mark is believed. Pure.

A mark is a point of measurement `collector_ledger` in the bucket of the data, printed behind the lines that it speaks
of, so that it takes the same way. That it can be read in central says that everything printed before it has left
Telegraf's buffer; not that it landed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.names import LEDGER
from telegraf_plugin.stream.request import MAX_ID
from telegraf_plugin.stream.spans import BEGINNING, NOTHING, Span, Spans, instant
from telegraf_plugin.stream.units import SECOND

MEASUREMENT = LEDGER
FORMAT = 1
MAX_SPANS = 60
"""Spans that a mark lists; the smallest are left out first: work is repeated, nothing is lost."""
MAX_HELD = 100
MAX_HELD_SPANS = 20
"""Spans that a mark lists of one held field; where there are more the gaps between some count as held too."""
MAX_HELD_BYTES = 32 * 1024
"""What `held` may take: InfluxDB takes strings of 1 MiB, and a mark is printed a minute."""
_INCARNATION = re.compile(r"[!-~]{1,64}")


Fields = dict[str, int | float | str]


class LaterFormat(ValueError):
    """A mark that a later version of the collector made."""


@dataclass(frozen=True, slots=True, order=True)
class MarkId:
    """Which mark: when it was made (Unix ns by the collector's clock), and by which run of the plugin."""

    time: int
    incarnation: str

    def text(self) -> str:
        """Return it as it stands in a mark's `id` and `base`."""
        return f"{self.time}@{self.incarnation}"

    @classmethod
    def parse(cls, text: str) -> MarkId:
        """Read what `text` gave. Raises ValueError."""
        time, _, incarnation = text.partition("@")
        if not _INCARNATION.fullmatch(incarnation):
            raise ValueError(f"not the id of a mark: {text[:40]!r}")
        return cls(instant(time), incarnation)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one run of the plugin knew of one stream when it made the mark.

    `base`: the newest mark that had been read back by then, None before the first. `definition`: what the stream
    selects and how it maps, as a hash. `origin`: where the stream begins; `began`: what is older was history already
    when the stream was first seen (both Unix ns). `proved`: where both sides were equal. `printed`: what was printed
    since the mark before. `held`: what central goes on lacking, and where. `sent`: what was printed and is not proved
    yet; after a start it is counted before it is printed again. `islands`: spans before the origin that were asked
    for. `sweep`: where the sweep is. `searching`: the origin is provisional, the first point is not found yet.
    """

    id: MarkId
    base: MarkId | None
    definition: str
    origin: int
    began: int
    proved: Spans = NOTHING
    printed: Spans = NOTHING
    held: Mapping[FieldKey, Spans] = field(default_factory=dict)
    request: str = ""
    sent: Spans = NOTHING
    islands: Spans = NOTHING
    sweep: str = ""
    searching: bool = False

    def fields(self) -> Fields:
        """Return the fields of its point, each bounded in bytes; its time is the id's."""
        held, untold = self._told()
        # What is held and not told must not be called proved: nobody would look there again after a start.
        proved = self.proved - untold
        return {
            "format": FORMAT,
            "id": self.id.text(),
            "incarnation": self.id.incarnation,
            "base": self.base.text() if self.base is not None else "",
            "definition": self.definition,
            "origin": self.origin,
            "began": self.began,
            "proved": proved.largest(MAX_SPANS).text(),
            "printed": self.printed.text() if len(self.printed.parts) <= MAX_SPANS else _hull(self.printed).text(),
            "held": held,
            "request": self.request,
            "sent": self.sent.largest(MAX_SPANS).text(),
            "islands": self.islands.largest(MAX_SPANS).text(),
            "sweep": self.sweep,
            "searching": "yes" if self.searching else "",
        }

    def _told(self) -> tuple[str, Spans]:
        """Return `held` as it stands in the ledger, and where something is held that has no room in it.

        Spans are told too wide rather than not: what is called held is looked at again.
        """
        entries: list[str] = []
        room = MAX_HELD_BYTES
        untold: list[Span] = []
        for field_key, spans in self.held.items():
            few = spans.coarse(MAX_HELD_SPANS)
            names = [name.decode("utf-8", "replace") for name in field_key[:2]]
            entry = json.dumps([*names, field_key[2].value, few.text()], ensure_ascii=False)
            size = len(entry.encode()) + len(", ")
            if len(entries) < MAX_HELD and size <= room:
                entries.append(entry)
                room -= size
            else:
                untold += few
        return f"[{', '.join(entries)}]" if entries else "", Spans.of(untold)

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Mark:
        """Return the mark with these fields, as text. Raises ValueError for one that is damaged or of a later format.

        A field that an older format had not is empty.
        """
        try:
            if int(fields["format"]) > FORMAT:
                raise LaterFormat(f"the ledger is of format {fields['format'][:40]}, and this collector knows {FORMAT}")
            for name in ("request", "sweep"):
                if len(fields.get(name, "")) > MAX_ID:
                    raise ValueError(f"a mark of the ledger is damaged: its {name}")
            held = {
                FieldKey(measurement.encode(), name.encode(), FieldType(kind)): Spans.parse(spans)
                for measurement, name, kind, spans in json.loads(fields.get("held") or "[]")
            }
            return cls(
                id=MarkId.parse(fields["id"]),
                base=MarkId.parse(fields["base"]) if fields["base"] else None,
                definition=fields["definition"],
                origin=instant(fields["origin"]),
                began=instant(fields["began"]),
                proved=Spans.parse(fields.get("proved", "")),
                printed=Spans.parse(fields.get("printed", "")),
                held=held,
                request=fields.get("request", ""),
                sent=Spans.parse(fields.get("sent", "")),
                islands=Spans.parse(fields.get("islands", "")),
                sweep=fields.get("sweep", ""),
                searching=bool(fields.get("searching")),
            )
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"a mark of the ledger is damaged: {error!r}") from None


@dataclass(frozen=True, slots=True)
class Origin:
    """What the bucket of metrics keeps of a stream's ledger, so that an emptied bucket is filled from there again.

    `oldest` is the lowest origin that the stream ever had, whatever its definition was then. `islands`: spans before it
    that were asked for.
    """

    definition: str
    origin: int
    began: int
    oldest: int
    islands: Spans = NOTHING


@dataclass(frozen=True, slots=True)
class Template:
    """What the marks of one command say; what differs from mark to mark is when it is made.

    `mark`: all of it but the time of its id, `after` which (Unix ns) each is made; `origin`: what is mirrored beside
    the first of them, None when nothing is.
    """

    mark: Mark
    after: int
    origin: Origin | None = None

    def make(self, clock: int) -> tuple[Mark, Template]:
        """Return the next mark, made when the collector's clock says `clock` (Unix ns), and what the one after says."""
        time = max(clock, self.after + 1)
        mark = replace(self.mark, id=MarkId(time, self.mark.id.incarnation))
        return mark, replace(self, after=time, origin=None)


def oldest_kept(now: int, retention: int) -> int:
    """Return from when on (Unix ns) marks are there for certain, at `now`, in a bucket that keeps `retention` ns.

    What is older may have expired: that it is gone says nothing. 0: it keeps them for ever.
    """
    margin = min(max(retention // 10, 60 * SECOND), 3600 * SECOND)
    return now - retention + margin if retention else BEGINNING


@dataclass(frozen=True, slots=True)
class Believed:
    """The mark that is believed, and what marks say was printed that it does not stand on: that is to be compared."""

    mark: Mark
    doubts: Spans


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a stream's ledger: the mark that is believed, the mirrored origin, and the marks there were."""

    believed: Believed | None
    mirror: Origin | None
    known: Iterable[MarkId]


def newest_believable(marks: Iterable[Mark], is_there: Callable[[MarkId], bool] = lambda _: False) -> Believed | None:
    """Return the newest mark that stands on marks all of which are in central, None when there is none.

    A mark stands on its base, and that on its own. Where one of them is missing central has forgotten what they spoke
    of: a backup was put back, or the bucket was emptied, and the later ones came out of Telegraf's buffer afterwards
    (more than one, when a request is sent again whose reply was lost). `is_there` says it of marks that are older than
    all of `marks`.
    """
    known = {mark.id: mark for mark in marks}
    oldest = min(known, default=None)
    for newest in sorted(known, reverse=True):
        chain = {newest}
        base = known[newest].base
        while base is not None and base in known and base not in chain:
            chain.add(base)
            base = known[base].base
        if base is None or (oldest is not None and base < oldest and is_there(base)):
            accounted = _accounted(known, chain)
            strange = [mark.printed for mark in known.values() if mark.id not in accounted]
            return Believed(known[newest], Spans.of(part for spans in strange for part in spans))
    return None


def _accounted(known: Mapping[MarkId, Mark], chain: Collection[MarkId]) -> set[MarkId]:
    """Return the marks of which the `chain`, on which the believed one stands, knows what they say was printed.

    Each mark of it knows what it stands on, and what its own run printed before it beside that: the marks of one long
    read all stand on what was back when it began, and the next one's may stand on one of them. Their lines go before
    its own, and what it calls proved was compared behind them; the run that came next goes on from there. A mark that
    stands on one that is not there speaks of what central has forgotten.
    """
    newest: dict[str, MarkId] = {}
    for each in chain:
        newest[each.incarnation] = max(each, newest.get(each.incarnation, each))
    accounted = set(chain)
    for each in sorted(known):
        run = newest.get(each.incarnation)
        if known[each].base in accounted and run is not None and each < run:
            accounted.add(each)
    return accounted


def _hull(spans: Spans) -> Spans:
    return Spans((spans.hull,)) if spans.hull is not None else spans
