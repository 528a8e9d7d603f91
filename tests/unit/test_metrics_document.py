"""docs/metrics.md says of each measurement of the collector's own the tags, fields and types that are printed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from telegraf_plugin import plugin
from telegraf_plugin.stream import names
from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.stream.holds import HeldPoints
from telegraf_plugin.stream.ledger import Origin
from telegraf_plugin.stream.pause import Pause, Paused
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.status import Effort
from telegraf_plugin.telegraf.marks import claim_line, mark_line, origin_line, request_line
from telegraf_plugin.telegraf.metrics import cycle_lines, held_lines, standby_line
from tests.unit.test_definition import STREAM
from tests.unit.test_ledger import mark
from tests.unit.test_lint import ROOT
from tests.unit.test_marks import HELD
from tests.unit.test_metrics import NOW, parsed
from tests.unit.test_status import CPU, ERROR, IN_TIME, SECOND, attempt, board

METRICS = (ROOT / "docs" / "metrics.md").read_text()
TROUBLE = (ROOT / "docs" / "troubleshooting.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
TYPES = {int: "integer", float: "float", str: "text", bool: "boolean"}

Said = dict[str, dict[str, str]]
"""The type of each field (or tag: `tag`) by measurement."""


def section(heading: str, document: str = METRICS) -> str:
    return document.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def printed() -> Said:
    """Return what the plugin and the commands print, in every state in which a field or tag appears."""
    recorded = board(attempt(CPU), attempt(CPU, error=ERROR), streams=[CPU])
    recorded.interval = SECOND
    recorded.streams[CPU.label].max_lag = 3 * SECOND
    told = {"proved_up_to": NOW, "to_go": SECOND, "time_to_loss": SECOND, "sweep_period": SECOND}
    lines = b""
    for error in (None, ERROR):
        skewed = replace(attempt(CPU, error=error), clock_skew=1.0)
        recorded.record(skewed)
        recorded.efforts[CPU.source] = Effort()
        recorded.streams[CPU.label].progress = replace(IN_TIME, **told)  # type: ignore[arg-type]
        lines += cycle_lines(recorded, set(), 1.0, NOW, "2/8")
    (group,) = HELD
    lines += held_lines([HeldPoints(STREAM, group, 1, "why")], NOW)
    lines += origin_line(STREAM, Origin("d" * 16, 1, 1, 1, Spans.of([(1, 2)])), NOW)
    lines += request_line(STREAM, Request("1", Kind.REPAIR, Spans.of([(1, 2)]), False, NOW))
    lines += request_line(STREAM, Pause("1", Paused.STREAM, NOW))
    recorded.streams[CPU.label].progress = replace(IN_TIME, paused=Paused.STREAM)
    lines += cycle_lines(recorded, set(), 1.0, NOW)
    lines += claim_line("lease", "2/8", Claim("a", Role.ACTIVE, 1, 2, SECOND, NOW, "host", "1"), NOW)
    lines += standby_line(1, "", NOW, "2/8")
    lines += mark_line(STREAM, mark(5, 4, proved=Spans.of([(1, 2)])))
    found: Said = {}
    for line in parsed(lines):
        of = found.setdefault(line["measurement"], {})
        of |= dict.fromkeys(line["tags"], "tag")
        of |= {name: TYPES[type(value)] for name, value in line["fields"].items()}
    return found


PRINTED = printed()


def table(text: str) -> dict[str, str]:
    """Return the type of each field that the tables of a section name."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (\w+) \| [^|]*\| [^|]+ \|$", text, re.MULTILINE)
    return {field: kind for fields, kind in rows for field in re.findall(r"\w+", fields)}


def tags(text: str) -> set[str]:
    said = re.search(r"^Tags?: (.*?)\.(?: |$)", text, re.MULTILINE)
    named = re.findall(r"`(\w+)`", said[1]) if said else []
    assert said or text.lstrip().startswith("No tag.")
    return {tag for each in named for tag in (tags(section(each)) if each in names.METRICS else {each})}


@pytest.mark.parametrize("measurement", names.METRICS)
def test_the_tags_fields_and_types_of_a_measurement_are_those_that_are_printed(measurement: str) -> None:
    text = section(measurement)
    said = table(text) | (table(section("The sums")) if "[the sums](#the-sums)" in text else {})
    assert said | dict.fromkeys(tags(text), "tag") == PRINTED[measurement]


def test_every_measurement_is_described_and_no_other() -> None:
    assert set(PRINTED) == set(names.OWN)
    assert sorted(re.findall(r"^## (collector_\w+)$", METRICS, re.MULTILINE)) == sorted(names.METRICS)
    assert sorted(re.findall(r"^\| \[`(\w+)`\]\(#\1\)", METRICS, re.MULTILINE)) == sorted(names.METRICS)


def test_what_stands_beside_the_data_is_what_is_written_there() -> None:
    text = section("Beside the data")
    request = {name: kind for name, kind in PRINTED[names.REQUEST].items() if kind != "tag"}
    of_request, of_pause = (table(part) for part in text.split("and of `collector_pause`"))
    assert of_request == request
    assert of_pause == {name: kind for name, kind in PRINTED[names.PAUSE].items() if kind != "tag"}
    for asked in (names.REQUEST, names.PAUSE):
        assert {name for name, kind in PRINTED[asked].items() if kind == "tag"} == {"source", "stream"}
    marks = dict(re.findall(r"^\| `(\w+)` \| (text|integer)", section("The ledger", ARCHITECTURE), re.MULTILINE))
    assert marks == {name: kind for name, kind in PRINTED[names.LEDGER].items() if kind != "tag"}


def test_the_reasons_of_what_cannot_pass_are_those_of_both_documents() -> None:
    reasons = {reason.value for reason in DropReason}
    said = METRICS.split("`reason` is one of ")[1].split(":\n")[0]
    assert set(re.findall(r"`(\w+)`", said)) == reasons
    remedies = section("Points that cannot pass", TROUBLE)
    assert set(re.findall(r"^\| `(\w+)` \|", remedies, re.MULTILINE)) == reasons


def test_the_number_of_held_fields_that_is_named_is_the_programs() -> None:
    assert f"until it is there; {plugin.MAX_HELD} at the most" in METRICS
