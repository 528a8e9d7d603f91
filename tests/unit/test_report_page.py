"""The page: whole in itself, the same for the same facts, and no name is anything but text in it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from telegraf_plugin.report.calendar import Calendar, Hour
from telegraf_plugin.report.charts import chart, levels, ticks
from telegraf_plugin.report.drawn import MOST_DRAWN, chosen
from telegraf_plugin.report.facts import Facts, Point
from telegraf_plugin.report.hours import _gaps, _summary
from telegraf_plugin.report.html import Html, element, escaped, joined
from telegraf_plugin.report.page import _of_wanted, page
from telegraf_plugin.report.words import percent
from telegraf_plugin.stream.units import DAY, HOUR, SECOND
from tests.unit.report_bench import HOSTILE, NOW, facts, hostile, troubled, unknown, well

VOID = {"meta", "link", "br", "wbr"}


class Outline(HTMLParser):
    """The elements of a page with their attributes, its text, and whether each one is ended."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


WELL = facts(well("telegraf", 4.2, 1000.0), held=(), dropped=())


@pytest.mark.parametrize("shown", [facts(), hostile(), WELL, facts(unknown()), facts(troubled(), renewed=60.0)])
def test_nothing_is_loaded_from_elsewhere(shown: Facts) -> None:
    found = Outline(page(shown))
    assert {name for name, _ in found.elements} & {
        "img",
        "iframe",
        "object",
        "embed",
        "video",
        "audio",
        "form",
        "a",
    } == set()
    assert found.named("link") == [{"rel": "icon", "href": "data:,"}]
    assert [each for _, each in found.elements if {"src", "srcset", "action", "xlink:href"} & set(each)] == []
    assert "url(" not in page(shown)
    assert "@import" not in page(shown)
    assert [len(found.named(name)) for name in ("script", "style")] == [1, 1]
    assert [each for _, each in found.elements if any(key.startswith("on") for key in each)] == []


def test_its_policy_lets_its_own_script_run_and_nothing_else() -> None:
    text = page(facts())
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(each["content"] for each in Outline(text).named("meta") if "http-equiv" in each)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"


def test_names_that_are_made_to_do_harm_are_text() -> None:
    text = page(hostile())
    found = Outline(text)
    assert "<script>alert" not in text
    assert "\u202e" not in text
    shown = HOSTILE.replace("\u202e", "\\u202e")
    said = "".join(found.text)
    # stream, row, bucket, held (5), dropped (4), versions (3), settings (5), note: each place, not merely one.
    assert said.count(shown) > 20
    assert [each for each in found.elements if each[0] in ("img", "alert")] == []


def test_the_same_facts_give_the_same_bytes() -> None:
    assert page(facts()) == page(facts())


@pytest.mark.parametrize(
    ("shown", "title"),
    [
        (WELL, "all is well"),
        (facts(), "2 of 3 streams not well"),
        (facts(troubled()), "the stream is not well"),
    ],
)
def test_the_title_says_whether_all_is_well(shown: Facts, title: str) -> None:
    title = title if len(shown.streams) != 1 or "not" in title else "the stream is well"
    assert f"<title>Data Collector: {title}</title>" in page(shown)


def test_what_is_held_and_dropped_is_there_with_its_remedy_and_else_that_there_is_none() -> None:
    said = "".join(Outline(page(facts())).text)
    assert "write it shorter" in said
    assert "electric_current" in said
    said = "".join(Outline(page(WELL)).text)
    assert "Nothing: central lacks no point for good." in said
    assert "Nothing: every point could pass." in said


def test_each_hour_has_a_cell_and_the_newest_day_is_the_first() -> None:
    text = page(WELL)
    (grid,) = re.findall(r'class="grid".*?</div>', text, re.DOTALL)
    days = re.findall(r'class="day">(.*?)</b>((?:<i class="\w"></i>)+)', grid)
    assert (days[0][0], days[-1][0], len(days)) == ("26 Nov", "12 Nov", 15)
    assert re.findall(r'class="(\w)"', days[0][1]) == ["p"] * 7 + ["w"] + ["f"] * 16
    assert {len(re.findall("<i", cells)) for _, cells in days} == {24}


def test_what_lacks_is_named_in_words_for_paper() -> None:
    said = "".join(Outline(page(facts(troubled()))).text)
    assert "missing: 2026-11-26 02:00 UTC to 2026-11-26 06:00 UTC, 4 h" in said
    assert "gone from the source: 2026-11-17 00:00 UTC to 2026-11-17 07:00 UTC, 7 h" in said


def test_spans_are_spelt_as_everywhere() -> None:
    first = Calendar(HOUR, (Hour.PROVED,) * 24 + (Hour.MISSING,) * 24, 2 * DAY, DAY)
    assert _summary(first) == "1 d proved; 1 d missing"
    (gap,) = [text for text in Outline(str(_gaps(first))).text if ", " in text]
    assert gap.endswith(", 1 d")


def test_a_file_that_is_written_again_loads_itself_anew() -> None:
    renewing = [
        each for each in Outline(page(facts(renewed=60.0))).named("meta") if each.get("http-equiv") == "refresh"
    ]
    assert [each["content"] for each in renewing] == ["60"]
    assert 'http-equiv="refresh"' not in page(facts())


def test_of_many_streams_those_that_lagged_most_are_drawn() -> None:
    many = [well(f"s{number}", float(number), 1.0) for number in range(20)]
    assert [stream.row.stream for stream in chosen(many)] == [f"POD-8/s{number}" for number in range(12, 20)]
    text = page(facts(*many))
    assert f"Drawn are the {MOST_DRAWN} streams that lagged most, of 20." in text
    assert text.count('class="series s7"') > 0
    assert text.count('class="calendar card"') == 20


def test_a_page_of_three_streams_can_be_mailed() -> None:
    assert len(page(facts()).encode()) < 100 * 1024


def test_a_chart_has_a_gap_where_nothing_was_said_and_a_dot_where_a_point_is_alone() -> None:
    def drawn(points: list[tuple[int, float | None]]) -> str:
        return chart("Lag", [(2, points)], NOW, str, of_time=True)

    def pieces(text: str) -> int:
        return len(re.findall(r'class="line reactive', text))

    whole = drawn([(NOW - n * HOUR, 1.0) for n in range(9)])
    parted = drawn([(NOW - n * HOUR, None if n == 4 else 1.0) for n in range(9)])
    assert (pieces(whole), pieces(parted)) == (1, 2)
    assert "<circle" in drawn([(NOW - HOUR, 1.0)])
    assert "<circle" not in whole
    assert drawn([]).startswith("<svg")


def test_an_axis_names_the_hours_that_it_says() -> None:
    text = chart("Lag", [(0, [(NOW, 1.0)])], NOW, str, of_time=True)
    axis = re.findall(r">(\d\d:\d\d)</text>", text)
    assert axis == [f"{tick // HOUR % 24:02d}:00" for tick in ticks(NOW)]
    assert all(NOW - DAY <= tick <= NOW for tick in ticks(NOW))


@pytest.mark.parametrize("of_time", [True, False])
@pytest.mark.parametrize("highest", [0.0, 0.3, 1.0, 3.0, 9.0, 59.0, 61.0, 3700.0, 90_000.0, 1e6, 1e8])
def test_an_axis_reaches_what_it_shows_in_few_steps(highest: float, of_time: bool) -> None:
    found = levels(highest, of_time)
    assert found[0] == 0
    assert found[-1] >= highest
    assert 2 <= len(found) <= 5
    assert len(found) == 2 or found[-2] < highest


@pytest.mark.parametrize(("share", "shown"), [(1.0, "100 %"), (0.99999, "99.9 %"), (0.5, "50.0 %"), (0.0, "0.0 %")])
def test_what_is_not_all_is_not_called_all(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_text_is_escaped_once_and_html_is_left() -> None:
    assert escaped("<a & 'b'>") == "&lt;a &amp; &#x27;b&#x27;&gt;"
    assert joined("<", Html("<br>"), ["&"], None) == "&lt;<br>&amp;"
    assert (
        element("td", element("b", "<"), class_='"', data_x=Html("<"))
        == '<td class="&quot;" data-x="&lt;"><b>&lt;</b></td>'
    )
    assert escaped("a\x00\x1b[31m\u202e\n") == "a\\x00\\x1b[31m\\u202e\n"


def test_a_stream_of_which_nothing_is_told_is_shown_so() -> None:
    said = "".join(Outline(page(facts(unknown()))).text)
    assert "not known: there is no ledger, or it cannot be read" in said
    assert "The collector has said nothing for a day." in said


def test_the_newest_whole_window_says_how_fast_it_is() -> None:
    stream = well("telegraf", 1.0, 1.0)
    window = 900 * SECOND
    begin = NOW - NOW % window
    points = [Point(begin - window, 1.0, 77.0, 0.0), Point(begin, 1.0, 5.0, 0.0)]
    assert "<b>77/s</b>" in page(facts(replace(stream, history=points)))
    assert "<b>5/s</b>" in page(facts(replace(stream, history=points[1:])))


@pytest.mark.parametrize(
    ("share", "wanted", "held", "text"),
    [
        (0.002, HOUR, 0, "of 1 h; the rest is on its way"),
        (1.0, HOUR, 0, "of 1 h"),
        (0.9, HOUR, 3, "of 1 h"),
        (None, 0, 0, "nothing is wanted yet"),
    ],
)
def test_a_small_share_after_a_start_is_told_to_be_on_its_way(
    share: float | None, wanted: int, held: int, text: str
) -> None:
    assert _of_wanted(share, wanted, held) == text
