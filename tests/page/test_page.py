"""The report in a real browser: it renders, complains of nothing, and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser

from lab.browser import DESKTOP, PHONE, Scheme, browser, shown
from telegraf_plugin.report.calendar import Known, calendar, first_hour
from telegraf_plugin.report.facts import Facts
from telegraf_plugin.report.page import page
from telegraf_plugin.stream.spans import span
from telegraf_plugin.stream.units import DAY, HOUR, SECOND
from tests.unit.report_bench import NOW, facts, hostile, troubled, well

CELLS = """() => [...document.querySelectorAll('.grid i:not(.f)')].map(cell => {
    const box = cell.getBoundingClientRect();
    return [cell.time.getTime() / 1000, Math.round(box.x), Math.round(box.y), box.width > 3 && box.height > 3];
})"""


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def written(file: Path, text: str) -> str:
    file.write_text(text, "utf-8")
    return file.as_uri()


@pytest.mark.parametrize("made", [facts(), hostile(), facts(*(well(f"s{n}", n, 1.0) for n in range(20)))])
@pytest.mark.parametrize(
    ("width", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]
)
def test_it_renders_complains_of_nothing_and_asks_nobody(
    running: Browser, file: Path, made: Facts, width: int, scheme: Scheme
) -> None:
    url = written(file, page(made))
    with shown(running, url, width, scheme) as seen:
        assert seen.page.evaluate("document.querySelectorAll('.calendar').length") == len(made.streams)
        assert seen.page.evaluate("document.querySelectorAll('svg.chart .series path').length") > 0
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width  # nothing is cut off at the side
        light = seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(244, 246, 248)"
        assert light == (scheme == "light")
        assert seen.asked == [url]
        assert seen.said == []


def test_its_policy_stops_a_script_that_was_put_into_it(running: Browser, file: Path) -> None:
    url = written(
        file, page(facts()).replace("</h1>", "</h1><script>alert(1)</script><img src='http://127.0.0.1:9/x'>")
    )
    with shown(running, url) as seen:
        assert seen.refused == ["http://127.0.0.1:9/x"]
        assert seen.asked == [url, *seen.refused]
        assert len([said for said in seen.said if "Content Security Policy" in said]) == 2
        assert "1" not in seen.said


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati", "UTC"])
def test_each_hour_stands_in_the_readers_day_and_hour(running: Browser, file: Path, zone: str) -> None:
    with shown(running, written(file, page(facts(troubled()))), zone=zone) as seen:
        cells = seen.page.evaluate(CELLS)
        assert all(visible for *_, visible in cells)
        local = {second: datetime.fromtimestamp(second, ZoneInfo(zone)) for second, *_ in cells}
        columns = {(local[second].hour, x) for second, x, _, _ in cells}
        rows = {(local[second].date(), y) for second, _, y, _ in cells}
        # A place a value, in the right order: later hours to the right, later days above.
        assert len(columns) == 24
        assert sorted(columns) == sorted(columns, key=lambda place: place[1])
        assert len(rows) == len({date for date, _ in rows})
        assert sorted(rows) == sorted(rows, key=lambda place: -place[1])
        newest = max(local)
        assert newest == NOW // SECOND // 3600 * 3600
        days = seen.page.eval_on_selector_all(".grid b.day", "found => found.map(each => each.textContent)")
        told = [day for day in days if day != "UTC"]
        assert (told[0], len(told)) == (f"{local[newest].day} {local[newest]:%b}", len(rows))


@pytest.mark.parametrize(
    ("day", "cells"), [(datetime(2026, 10, 25, 12, tzinfo=UTC), 24), (datetime(2026, 3, 29, 12, tzinfo=UTC), 23)]
)
def test_on_a_day_that_a_clock_is_changed_no_hour_is_lost_and_the_worse_of_two_is_seen(
    running: Browser, file: Path, day: datetime, cells: int
) -> None:
    now = int(day.timestamp() + DAY // SECOND) * SECOND
    first = first_hour(now, 3)
    midnight = int(day.replace(hour=0).timestamp()) * SECOND
    missing = span(midnight, midnight + HOUR)  # 02:00 for the first time, in October; an hour that is proved follows
    found = calendar(Known(first, proved=span(first, now) - missing, prompt=now), first, now)
    made = replace(facts(replace(well("x", 1.0, 1.0), calendar=found)), now=now, days=3)
    with shown(running, written(file, page(made)), zone="Europe/Berlin") as seen:
        berlin = ZoneInfo("Europe/Berlin")
        of_day = [
            (x, y)
            for second, x, y, _ in seen.page.evaluate(CELLS)
            if datetime.fromtimestamp(second, berlin).date() == day.date()
        ]
        assert len(of_day) == (25 if cells == 24 else 23)
        assert len(set(of_day)) == cells
        place = seen.page.locator(".grid i.m")
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box is not None
        x, y = box["x"] + 2, box["y"] + 2
        assert seen.page.evaluate("([x, y]) => document.elementFromPoint(x, y).className", [x, y]) == "m"


def test_times_are_the_readers_with_utc_beside_them(running: Browser, file: Path) -> None:
    with shown(running, written(file, page(facts()))) as seen:
        assert seen.page.text_content("header time") == "2026-11-26 14:51 (07:51 UTC)"
        assert seen.page.text_content(".zone") == "Asia/Jakarta, UTC+7, with UTC beside it"
        first = datetime.fromtimestamp(NOW // SECOND, UTC).replace(minute=0, second=0) - timedelta(hours=23)
        axis = seen.page.eval_on_selector_all(
            "figure:first-child .axis.x text", "found => found.map(each => each.textContent)"
        )
        assert axis[:2] == [f"{(first.hour // 4 * 4 + 7) % 24:02d}:00", f"{first.hour // 4 * 4:02d}:00Z"]
    with shown(running, written(file, page(facts())), zone="UTC") as seen:
        assert seen.page.text_content("header time") == "2026-11-26 07:51 UTC"
        assert seen.page.text_content(".zone") == "UTC, which is your own time"


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Asia/Jakarta", "Thu 26 Nov 09:00–10:00 (02:00–03:00 UTC): missing"),
        ("America/New_York", "Wed 25 Nov 21:00–22:00 (2026-11-26 02:00–03:00 UTC): missing"),
        ("UTC", "Thu 26 Nov 02:00–03:00 UTC: missing"),
    ],
)
def test_an_hour_that_is_pointed_at_is_named(running: Browser, file: Path, zone: str, said: str) -> None:
    with shown(running, written(file, page(facts(troubled()))), zone=zone) as seen:
        place = NOW // HOUR * HOUR // SECOND - 5 * 3600
        cell = seen.page.evaluate_handle(
            "at => [...document.querySelectorAll('.grid i')].find(cell => cell.time.getTime() / 1000 === at)", place
        ).as_element()
        assert cell is not None
        cell.hover()
        assert seen.page.text_content(".tell") == said


def test_without_scripts_all_of_it_is_there_in_utc(running: Browser, file: Path) -> None:
    with shown(running, written(file, page(facts())), scripts=False) as seen:
        assert seen.page.inner_text("header time") == "2026-11-26 07:51 UTC"
        cells = seen.page.locator(".grid i").count()
        assert cells == 3 * 15 * 24
        assert seen.page.locator("svg.chart").count() == 3
        first, last = (seen.page.locator(".grid i").nth(place).bounding_box() for place in (0, 23))
        assert first is not None
        assert last is not None
        assert (first["y"], first["x"] < last["x"]) == (last["y"], True)


def test_on_paper_it_is_dark_on_white_and_within_the_page(running: Browser, file: Path) -> None:
    with shown(running, written(file, page(facts())), scheme="dark") as seen:
        assert seen.page.pdf(format="A4").startswith(b"%PDF-")
        seen.page.set_viewport_size({"width": 700, "height": 900})  # A4 within its margins
        seen.page.emulate_media(media="print")
        ground, ink = seen.page.evaluate(
            "(style => [style.backgroundColor, style.color])(getComputedStyle(document.body))"
        )
        assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 700
        assert seen.page.evaluate("getComputedStyle(document.querySelector('thead')).display") != "none"
