"""The tables of the page: streams, what is held and dropped, versions, configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from telegraf_plugin.commands import requests
from telegraf_plugin.commands.dates import duration, number
from telegraf_plugin.commands.leases import HEADINGS, role
from telegraf_plugin.commands.stream_rows import EQUAL, Row
from telegraf_plugin.report.facts import Dropped, Facts, Held
from telegraf_plugin.report.html import Html, element, joined
from telegraf_plugin.report.words import when

_STREAM = (
    *("Stream", "State", "Lag", "Proved up to", "Rate", "Left", "To go", "To loss", "Held", "Extras"),
    *("Request", "Shard", "As of"),
)
Cell = tuple[str | Html, str]
"""What stands in a cell, and its class."""
_HELD = (
    "Points that were sent twice and are not in central. They are tried again by themselves, at least once an hour; "
    "all else of the stream goes on. docs/troubleshooting.md, “What central goes on lacking”, explains each reason."
)


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Html:
    """Return a table that becomes a list of cards where there is no room; columns that say nothing are left out."""
    told = _told(headings, rows)
    return _table(headings, told, (_row(headings, row, told) for row in rows))


def _told(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Return the columns that say something."""
    return [place for place in range(len(headings)) if any(row[place][0] for row in rows)]


def _table(headings: Sequence[str], told: Sequence[int], body: Iterable[Html]) -> Html:
    head = element("tr", (element("th", headings[place], scope="col") for place in told))
    return element("table", element("thead", head), element("tbody", body), class_="stacked")


def _row(headings: Sequence[str], row: Sequence[Cell], told: Sequence[int], class_: str | None = None) -> Html:
    cells = (element("td", row[place][0], class_=row[place][1] or None, data_label=headings[place]) for place in told)
    return element("tr", cells, class_=class_)


def streams(facts: Facts) -> Html:
    """Return the section with how each stream stands, as `status` says it; why one is not well has a row below it."""
    rows = [_stream(stream.row) for stream in facts.streams]
    told = _told(_STREAM, rows)
    body: list[Html] = []
    for stream, row in zip(facts.streams, rows, strict=True):
        error = stream.row.last_error
        body.append(_row(_STREAM, row, told, "told" if error else None))
        if error:
            cell = element("td", error, class_="error", colspan=len(told), data_label="Last error")
            body.append(element("tr", cell, class_="more"))
    shown = element("div", _table(_STREAM, told, body), class_="card note")
    return element("section", element("h2", "Streams"), shown)


def collectors(facts: Facts) -> Html:
    """Return the section with who reads and who stands by; nothing where no collector stands by for another."""
    if not facts.members:
        return Html("")
    rows = [
        (
            (each.shard, "number"),
            (element("span", role(each.claim.role, each.silent), class_=f"state{' bad' if each.silent else ''}"), ""),
            (each.claim.run, "word"),
            (each.claim.machine, "word"),
            (when(each.since), ""),
            (when(each.told_at), ""),
        )
        for each in facts.members
    ]
    about = "One of the collectors of a shard reads, the others stand by and take over when it falls silent."
    shown = table(HEADINGS, rows)
    heading = element("h2", "Collectors")
    return element("section", heading, element("p", about, class_="soft"), element("div", shown, class_="card note"))


def _stream(row: Row) -> list[Cell]:
    state = element("span", row.state, class_=f"state{'' if row.healthy else ' bad'}")
    proved: str | Html = when(row.proved_up_to) if row.proved_up_to is not None else ""
    if proved and row.proof != EQUAL:
        proved = joined(proved, f" ({row.proof})")
    return [
        (_breakable(row.stream), "name"),
        (state, ""),
        (_time(row.lag), "number"),
        (proved, ""),
        (f"{number(row.rate)}/s" if row.rate else "", "number"),
        (_time(row.left), "number"),
        (_time(row.to_go), "number"),
        (_time(row.time_to_loss), "number"),
        (number(row.held) if row.held else "", "number"),
        (number(row.extras) if row.extras else "", "number"),
        (requests.short(row.request) if row.request is not None else "", ""),
        (row.shard, "number"),
        (when(row.told_at) if row.told_at is not None else "", ""),
    ]


def _breakable(label: str) -> Html:
    """Return a stream's label, which may be broken behind its source's name."""
    source, slash, name = label.partition("/")
    return joined(source, slash, Html("<wbr>"), name)


def _time(seconds: float | None) -> str:
    return duration(seconds) if seconds is not None else ""


def held(found: Sequence[Held]) -> Html:
    """Return the section with what central goes on lacking."""
    heading = element("h2", "Held")
    if not found:
        return element("section", heading, element("p", "Nothing: central lacks no point for good.", class_="nothing"))
    rows = [
        (
            (each.stream, "name"),
            (each.measurement, "word"),
            (each.field, "word"),
            (each.type, ""),
            (number(each.points), "number"),
            (each.reason, ""),
            (each.remedy, ""),
        )
        for each in found
    ]
    shown = table(("Stream", "Measurement", "Field", "Type", "Points", "Why", "What to do"), rows)
    return element("section", heading, element("p", _HELD, class_="soft"), element("div", shown, class_="card note"))


def dropped(found: Sequence[Dropped]) -> Html:
    """Return the section with what could not pass."""
    heading = element("h2", "Dropped")
    if not found:
        return element("section", heading, element("p", "Nothing: every point could pass.", class_="nothing"))
    rows = [
        (
            (each.stream, "name"),
            (each.reason, ""),
            (number(each.points), "number"),
            (element("code", each.example) if each.example else "", ""),
            (each.remedy, ""),
        )
        for each in found
    ]
    shown = table(("Stream", "Reason", "Points", "Example", "What to do"), rows)
    about = "Points that could not pass, since the collector's start; each is counted, none is sent in part."
    return element("section", heading, element("p", about, class_="soft"), element("div", shown, class_="card note"))


def versions(facts: Facts) -> Html:
    """Return the section with what runs, and what could not be found."""
    pairs: list[tuple[str, str | Html]] = [
        (each.what, each.version or element("span", f"not known: {each.trouble or 'it does not say'}", class_="soft"))
        for each in facts.versions
    ]
    notes = (element("p", f"Note: {note}", class_="soft note") for note in facts.notes)
    return element("section", element("h2", "Versions"), element("div", _pairs(pairs), class_="card note"), notes)


def settings(facts: Facts) -> Html:
    """Return the section with the configuration."""
    blocks = [("central", facts.central), *facts.sources.items()]
    return element(
        "section",
        element("h2", "Configuration"),
        element("p", "As in queries.yaml; no token, and no query's text.", class_="soft"),
        element(
            "div",
            (element("div", element("h3", name), _pairs(pairs), class_="card") for name, pairs in blocks),
            class_="blocks",
        ),
    )


def _pairs(pairs: Iterable[tuple[str, str | Html]]) -> Html:
    rows = (element("tr", element("th", key, scope="row"), element("td", value)) for key, value in pairs)
    return element("table", element("tbody", rows), class_="settings")
