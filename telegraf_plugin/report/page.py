"""The page: HTML of the facts, with its style sheet and script in it. Pure but for those two files of the package.

Nothing is loaded from elsewhere, and nothing could be: the page's own policy forbids it, and lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from telegraf_plugin.commands.dates import duration, moment, number
from telegraf_plugin.report import sections
from telegraf_plugin.report.calendar import Hour
from telegraf_plugin.report.drawn import charts
from telegraf_plugin.report.facts import Facts, Stream
from telegraf_plugin.report.hours import calendars
from telegraf_plugin.report.html import Html, element, joined
from telegraf_plugin.report.words import percent, when
from telegraf_plugin.stream.units import HOUR, SECOND


def page(facts: Facts) -> str:
    """Return the whole file, in UTF-8 when it is written."""
    style, script = _own("style.css"), _own("script.js")
    body = joined(
        _head_line(facts),
        _verdict(facts),
        _tiles(facts),
        sections.streams(facts),
        sections.collectors(facts),
        calendars(facts),
        charts(facts),
        sections.held(facts.held),
        sections.dropped(facts.dropped),
        sections.versions(facts),
        sections.settings(facts),
        _foot(facts),
    )
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="generator", content="data-collector report"),
        element("meta", http_equiv="refresh", content=f"{facts.renewed:.0f}") if facts.renewed else None,
        Html('<link rel="icon" href="data:,">'),
        element("title", f"Data Collector: {_title(facts)}"),
        Html(f"<style>{style}</style>"),
    )
    whole = joined(
        element("head", head),
        element("body", body, Html(f"<script>{script}</script>"), data_now=facts.now // SECOND),
    )
    return f"<!doctype html>\n{element('html', whole, lang='en')}\n"


def _own(name: str) -> str:
    return files("telegraf_plugin.report").joinpath(name).read_text("utf-8")


def _policy(script: str) -> str:
    """Return what the page may do: show itself, and run its own script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"


def _bad(facts: Facts) -> list[Stream]:
    return [stream for stream in facts.streams if not stream.row.healthy]


def _title(facts: Facts) -> str:
    bad, all_ = len(_bad(facts)), len(facts.streams)
    if not bad:
        return "all is well" if all_ != 1 else "the stream is well"
    return f"{bad} of {all_} streams not well" if all_ != 1 else "the stream is not well"


def _head_line(facts: Facts) -> Html:
    return element(
        "header",
        element("h1", "Data Collector"),
        element("p", "as of ", when(facts.now), class_="soft"),
    )


def _verdict(facts: Facts) -> Html:
    bad, all_ = _bad(facts), len(facts.streams)
    if not bad:
        what = f"All {all_} streams are" if all_ != 1 else "The stream is"
        return _banner("✓", f"{what} read in time, and arrive in central.", [], "verdict card")
    what = f"{len(bad)} of {all_} streams" if all_ != 1 else "The stream"
    verb = "are" if len(bad) > 1 else "is"
    reasons = [f"{stream.row.stream}: {stream.row.last_error or stream.row.state}" for stream in bad[:5]]
    reasons += [f"and {len(bad) - 5} more, below"] if len(bad) > 5 else []
    return _banner("!", f"{what} {verb} not well.", reasons, "verdict bad card")


def _banner(sign: str, said: str, reasons: Sequence[str], class_: str) -> Html:
    first = element("p", element("span", sign, class_="sign"), said)
    return element("section", first, (element("p", reason) for reason in reasons), class_=class_)


def _tiles(facts: Facts) -> Html:
    rows = [stream.row for stream in facts.streams]
    share, wanted = facts.share, sum(stream.calendar.wanted for stream in facts.streams)
    late = max(rows, key=lambda row: row.lag if row.lag is not None else -1.0, default=None)
    left = [row for row in rows if row.left]
    most = max((row.left or 0.0 for row in left), default=0.0)
    to_go = [row.to_go for row in left if row.to_go is not None]
    held, dropped = sum(row.held or 0 for row in rows), sum(each.points for each in facts.dropped)
    missing, gone = facts.hours(Hour.MISSING), facts.hours(Hour.GONE)
    lacking = ", ".join(
        [f"{duration(count * HOUR / SECOND)} {name}" for count, name in ((missing, "missing"), (gone, "gone")) if count]
    )
    return element(
        "section",
        _tile(
            percent(share) if share is not None else "–",
            "proved",
            lacking or _of_wanted(share, wanted, held),
            bool(missing or gone),
        ),
        _tile(
            duration(late.lag) if late is not None and late.lag is not None else "–",
            "largest lag",
            element("span", late.stream, class_="whole") if late is not None and late.lag is not None else "not told",
            late is not None and late.lag is not None and not late.healthy,
        ),
        _tile(_rate_now(facts), "copied", f"in the last {duration(facts.window / SECOND)}"),
        _tile(
            duration(most) if most else "none",
            "backlog",
            f"{duration(max(to_go))} to go" if to_go else "nothing is left to copy" if not most else "of time, at most",
        ),
        _tile(number(held), "points held", "that central goes on lacking", held > 0),
        _tile(number(dropped), "points dropped", "since the collector's start", dropped > 0),
        class_="tiles",
        aria_label="in figures",
    )


def _of_wanted(share: float | None, wanted: int, held: int) -> str:
    """Return of how much (ns) a share is proved, where no hour is missing: a small one is no fault after a start."""
    if not wanted:
        return "nothing is wanted yet"
    rest = "; the rest is on its way" if share is not None and share < 1 and not held else ""
    return f"of {duration(wanted / SECOND)}{rest}"


def _rate_now(facts: Facts) -> str:
    """Return how many points a second all streams have together, in the newest window that is whole."""
    whole = [point for stream in facts.streams for point in stream.history if point.time <= facts.now - facts.window]
    newest = max((point.time for point in whole if point.rate is not None), default=None)
    if newest is None or newest < facts.now - 3 * facts.window:
        whole = [point for stream in facts.streams for point in stream.history[-1:]]
        newest = max((point.time for point in whole if point.rate is not None), default=None)
    if newest is None:
        return "–"
    return f"{number(sum(point.rate or 0.0 for point in whole if point.time == newest))}/s"


def _tile(figure: str, what: str, more: str | Html, bad: bool = False) -> Html:
    return element(
        "div", element("small", what), element("b", figure), element("small", more), class_=f"tile card{' bad' * bad}"
    )


def _foot(facts: Facts) -> Html:
    made = joined("Times are in ", element("span", "UTC", class_="zone"), f"; made {moment(facts.now)} by ")
    again = f" It is written again every {duration(facts.renewed)}, and loads itself anew." if facts.renewed else ""
    return element(
        "footer",
        element(
            "p",
            made,
            element("code", "data-collector report"),
            f" from central alone: the collector's metrics and its ledger.{again}",
            class_="soft",
        ),
    )
