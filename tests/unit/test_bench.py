"""What `make bench` makes of what it measured, and the data that it copies."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.bench import document, plots, steady, tables, ways
from lab.bench.__main__ import DOCUMENT, FULL, main
from lab.bench.config import queries, stream
from lab.bench.contenders import CAT_FIELD, CAT_WIDE, FLUX_WIDE, INFLUXQL_FIELD, INFLUXQL_WIDE, SCRIPT, contenders
from lab.bench.data import SECOND, VALUES_A_TIME, make
from lab.bench.goals import Goal, goals
from lab.bench.landed import Landed, Landing, _matches
from lab.bench.results import Results, Run
from lab.influxd import InfluxServer
from lab.measured import Use
from tests.slow_lines import read_lines

HOUR = 3600 * SECOND
AT = 1_795_473_000 * SECOND
RIGHT = Landed(1_000_000, 0, 0, 0)


def run(seconds: float, plugin: str = "plugin", source: float = 1.0, memory: float = 40.0, first: float = 1.0) -> Run:
    use = {"source": Use(source, 100), "central": Use(5.0, 200), plugin: Use(0.5, memory), "Telegraf": Use(3.0, 90)}
    return Run(1_000_000, seconds, first, RIGHT, use)


def results() -> Results:
    runs = {
        CAT_FIELD: [run(10, "cat"), run(12, "cat"), run(11, "cat")],
        CAT_WIDE: [run(2, "cat")],
        FLUX_WIDE: [run(4, source=4.0)],
        INFLUXQL_FIELD: [run(12), run(10), run(11)],
        INFLUXQL_WIDE: [run(2.5, source=1.0, memory=44)],
        SCRIPT: [run(25, "script")],
    }
    cycle = {"points": 1002.0, "streams": 3.0, "interval": 10.0, "ticks": 6.0, "delay": 1.1, "least": 1.0, "most": 1.2}
    cycle |= {"plugin": 0.05, "Telegraf": 0.02, "central": 0.3, "source": 0.1, "memory": 42.0}
    idle = {"streams": 1000.0, "interval": 10.0, "cycles": 5.0, "plugin": 1.2, "Telegraf": 0.1, "central": 2.0}
    idle |= {"source 0": 1.5, "source 1": 1.25, "memory": 48.0}
    names = (
        "date",
        "commit",
        "processor",
        "memory",
        "system",
        "python",
        "telegraf",
        "influxd",
        "load before",
        "command",
    )
    return Results(
        machine={name: f"<{name}>" for name in names},
        ways=runs,
        size={"100,000 values, wide": [run(3)]},
        streams={"10 streams": [run(3, memory=47)]},
        steady=cycle,
        idle=idle,
        startup={CAT_WIDE: [run(2, "cat")], INFLUXQL_WIDE: [run(2)]},
    )


# Goals


def test_goals_are_ratios_of_medians_within_one_run() -> None:
    found = {goal.name: (round(goal.measured, 3), goal.verdict) for goal in goals(results())}
    assert found == {
        "with `field`, of `cat`": (1.0, "reached"),
        "wide by InfluxQL, of `cat`": (0.8, "short by 16%"),
        "wide by Flux, of `cat`": (0.5, "short by 33%"),
        "wide, times the script": (10.0, "short by 17%"),
        "source's processor seconds, InfluxQL against Flux": (0.25, "reached"),
        "plugin's processor seconds a million values, wide": (0.5, "reached"),
        "plugin's peak memory at any backlog": (47, "short by 4%"),
        "a tick's points: from tick to readable in central": (1.1, "reached"),
        "a tick's points: processor time of the plugin": (50, "short by 25%"),
        "idle streams on two sources: processor time of the plugin a cycle": (1.2, "reached"),
    }


@pytest.mark.parametrize(
    ("goal", "reached", "verdict"),
    [
        (Goal("a", 0.95, 0.95, at_least=True), True, "reached"),
        (Goal("a", 0.76, 0.95, at_least=True), False, "short by 20%"),
        (Goal("a", 45.0, 45, at_least=False), True, "reached"),
        (Goal("a", 54.0, 45, at_least=False), False, "short by 20%"),
    ],
)
def test_a_goal_is_reached_at_its_bound(goal: Goal, reached: bool, verdict: str) -> None:
    assert (goal.reached, goal.verdict) == (reached, verdict)


def test_what_was_not_measured_is_no_goal() -> None:
    assert goals(Results()) == []
    assert [goal.name for goal in goals(Results(ways={CAT_WIDE: [run(2, "cat")], FLUX_WIDE: [run(4)]}))] == [
        "wide by Flux, of `cat`",
        "plugin's peak memory at any backlog",
    ]


# Tables


def test_a_way_has_median_and_spread_and_what_landed() -> None:
    bad = replace(run(4, "script", first=4), landed=Landed(999_000, 400, 600, 30))
    head, line, *rows = tables.ways({CAT_FIELD: results().ways[CAT_FIELD], SCRIPT: [bad]}).splitlines()
    assert head.count("|") == line.count("|") == 10
    assert rows[0].split(" | ")[1:] == [
        "1,000,000",
        "11.0 (10.0 to 12.0)",
        "1.00",
        "90,909",
        "100,000",
        "1.00 / – / 3.00 / 5.00",
        "100 / – / 90.0 / 200",
        "all |",
    ]
    assert rows[1].split(" | ")[5] == "–"
    assert rows[1].endswith("| 999,000 of 1,000,000; 400 wrong, 600 lacking, 30 that nobody wrote |")


def test_all_that_was_measured_is_in_the_document() -> None:
    text = document.renewed(f"# A\n\n{document.BEGIN}\nold\n{document.END}\n\nafter\n", results())
    assert text.startswith(f"# A\n\n{document.BEGIN}\n\nMeasured on <date>")
    assert text.endswith(f"{document.END}\n\nafter\n")
    assert "old" not in text
    for said in (INFLUXQL_WIDE, "short by 16%", "| 10 streams |", "1,000 idle streams of two sources", "2.750 / 1.200"):
        assert said in text
    assert document.renewed(text, results()) == text
    with pytest.raises(ValueError, match="make bench: begin"):
        document.renewed("# nothing", results())


def test_the_document_has_a_place_for_it() -> None:
    assert document.BEGIN in DOCUMENT.read_text()
    document.renewed(DOCUMENT.read_text(), results())


def test_results_come_back_from_json(tmp_path: Path) -> None:
    results().write(tmp_path / "a.json")
    assert Results.read(tmp_path / "a.json") == results()


def test_the_picture_names_all_ways_and_is_the_same_again(tmp_path: Path) -> None:
    svg, png = plots.draw(results().ways, tmp_path / "a")
    texts = "".join(ElementTree.parse(svg).getroot().itertext())
    for name in (*results().ways, "source", "plugin", "script", "Telegraf", "central", "91"):
        assert name.replace("`", "") in texts
    assert png.read_bytes().startswith(b"\x89PNG")
    again = plots.draw(results().ways, tmp_path / "b")
    assert [each.read_bytes() for each in again] == [svg.read_bytes(), png.read_bytes()]


def test_a_part_that_fails_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def late(*_: object, **__: object) -> dict[str, float]:
        raise TimeoutError("waited 1 s for a point")

    monkeypatch.setattr(steady, "steady", late)
    monkeypatch.setattr(ways, "measure_startup", lambda *_: results().startup)
    assert main(["--part", "steady", "--part", "startup", "--json", str(tmp_path / "a.json")]) == 1
    assert "Not measured: steady (waited 1 s for a point)." in capsys.readouterr().out
    kept = Results.read(tmp_path / "a.json")
    assert kept.startup == results().startup
    assert list(kept.failed) == ["steady"]


# Data


def test_the_full_run_is_four_hours_of_twenty_hosts() -> None:
    assert FULL.values == VALUES_A_TIME * 20 * 4 * 360
    small = make(8, FULL.values // 360, AT, AT + 4 * HOUR)
    assert (small.values * 360, small.lines * 360) == (3_715_200, 403_200)


def test_a_seed_makes_the_same_data_in_all_three_forms() -> None:
    data = make(8, 2000, AT, AT + HOUR, hosts=2)
    again = make(8, 2000, AT, AT + HOUR, hosts=2)
    assert list(data.wide_lines()) == list(again.wide_lines())
    assert list(data.wide_lines()) != list(make(9, 2000, AT, AT + HOUR, hosts=2).wide_lines())
    assert sorted(data.wide_lines()) == sorted(data.agents_lines())
    assert data.values == 2064
    assert data.lines == sum(1 for _ in data.wide_lines())
    fields = [read_lines(line.encode()) for line in data.field_lines(",source_bucket=b")]
    assert [len(each) for each in fields] == [1] * data.values
    wide = {
        (p.measurement, p.field, p.time_ns, p.value) for line in data.wide_lines() for p in read_lines(line.encode())
    }
    assert {(p.measurement, p.field, p.time_ns, p.value) for (p,) in fields} == wide


def test_a_part_is_the_newest() -> None:
    data = make(8, 2580, AT, AT + HOUR, hosts=2)
    part = data.part(0.2)
    assert part.values == data.values // 5
    assert part.ended == data.ended
    assert part.began > data.began
    assert set(part.wide_lines()) < set(data.wide_lines())


def test_each_host_has_a_rack_by_which_a_stream_is_made_of_it() -> None:
    heads = {line.split(" ")[0] for line in islice(make(8, 1, AT, AT + HOUR, 3, racks=True).wide_lines(), 100)}
    assert {re.findall("rack=(r[0-9]+)", head)[0] for head in heads} == {"r0", "r1", "r2"}


# What landed


def test_tags_are_what_a_way_makes_of_them() -> None:
    own = (("cpu", "cpu0"), ("host", "POD-8"))
    assert Landing().tags(own, "f") == frozenset(own)
    assert Landing(renamed=True, source_bucket=True, field=True).tags(own, "f") == frozenset(
        {("cpu", "cpu0"), ("host", "pod_8"), ("source_bucket", "telegraf"), ("field", "f")}
    )


def test_a_value_is_right_by_time_type_and_number() -> None:
    data = make(8, 1, AT, AT + HOUR, hosts=1)
    cpu = data.series[0]
    times, values = cpu.times, cpu.fields["usage_idle"]
    rows = [[at, value] for at, value in zip(times, values, strict=True)]
    assert _matches(rows, times, values) == (len(rows), 0)
    assert _matches([[at, value + 1] for at, value in rows], times, values) == (0, len(rows))
    assert _matches([[at + 1000, value] for at, value in rows], times, values) == (0, 0)
    mem = next(each for each in data.series if each.measurement == "mem").fields["used"]
    assert _matches([[times[0], float(mem[0])]], times, mem) == (0, 1)
    assert _matches(rows, (), ()) == (0, 0)


def test_the_contenders_are_the_issues() -> None:
    names = [each.name for each in contenders()]
    assert len(set(names)) == len(names) == 9
    assert {CAT_FIELD, CAT_WIDE, FLUX_WIDE, INFLUXQL_FIELD, INFLUXQL_WIDE, SCRIPT} < set(names)


def test_the_collector_is_given_what_is_to_be_measured() -> None:
    server = InfluxServer("bench", "telegraf")
    text = queries(server, [("A", server, [stream("a", "start: -5h")]), ("B", server, [])], wide=True, read="flux")
    assert "metadata_tags: [host, source_bucket]" in text
    assert text.count("read: flux") == 2
    assert '"${SOURCE_TOKEN}"' in text
    assert '"${SOURCE_TOKEN_1}"' in text
    assert '      - {bucket: "a", start: -5h}\n' in text
    assert "field" in queries(server, [], wide=False, read="auto")
