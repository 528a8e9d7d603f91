"""The encoder's rules by the real ones: what passes them lands as it is, what they refuse would not have.

Names of all short words over the signs that line protocol knows, in every place and in two places at a time.
"""

from __future__ import annotations

import itertools
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import HttpRefused, free_port, wait_until
from lab.points import FieldType as Kind
from lab.points import Point
from lab.telegraf import TelegrafProcess, program_path, work_folder
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.telegraf.line_protocol import LineMapper, encode
from telegraf_plugin.telegraf.wide_lines import MAX_LINE_BYTES, encoded

BUCKET, OTHER = "telegraf", "other"
SIGNS = ("\\", ",", "=", " ", '"', "#", "a")
WORDS = ["".join(word) for length in (1, 2, 3) for word in itertools.product(SIGNS, repeat=length)]
SHORT = ["".join(word) for length in (1, 2) for word in itertools.product(SIGNS[:5], repeat=length)] + ["a\\ b"]
CONTROLS = [f"a{sign}b" for sign in "\t\n\r\x00\x01\x1f\x7f"]
RESERVED = ["time", "_field", "_measurement", "Time", "time ", "table", "result"]
PLACES = ("measurement", "key", "value", "field")
MAPPER = TagMapper("s", BUCKET, (MetadataTag.SOURCE_BUCKET,))
_NAME = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})


@dataclass(frozen=True)
class Case:
    """A line's four names; `number` tells it from all others."""

    number: int
    measurement: str
    key: str
    value: str
    field: str
    at: int

    def line(self) -> bytes | None:
        """What the encoder makes of it, None when it holds it back."""
        tags = ((self.key.encode(), self.value.encode()),)
        names = self.measurement.encode(), tags, self.field.encode()
        block = Block(*names, FieldType.INTEGER, [b"%d" % (self.at + self.number)], [b"%d" % self.number])
        mapped = LineMapper(MAPPER).mapped(block)
        return None if mapped is None else encode(mapped)

    def careless(self) -> bytes:
        """The line as one writes it who escapes as the documentation says, and knows no rule."""
        names = [self.measurement.replace(",", "\\,").replace(" ", "\\ ")]
        pairs = sorted([(self.key, self.value), ("source_bucket", BUCKET)])
        names += [f",{key.translate(_NAME)}={value.translate(_NAME)}" for key, value in pairs]
        return f"{''.join(names)} {self.field.translate(_NAME)}={self.number}i {self.at + self.number}\n".encode()

    def point(self) -> Point:
        tags = frozenset({(self.key, self.value), ("source_bucket", BUCKET)})
        return Point(self.measurement, tags, self.field, Kind.INTEGER, str(self.number), self.at + self.number)


def cases() -> list[Case]:
    at = (time.time_ns() // 10**9 - 600) * 10**9
    plain = {"measurement": "m", "key": "k", "value": "v", "field": "f"}
    named = [{place: word} for place in PLACES for word in [*WORDS, *CONTROLS, *RESERVED]]
    pairs = itertools.combinations(PLACES, 2)
    named += [{one: a, two: b} for one, two in pairs for a, b in itertools.product(SHORT, repeat=2)]
    return [Case(number, **(plain | names), at=at) for number, names in enumerate(named)]


@pytest.fixture(scope="module")
def central() -> Iterator[InfluxServer]:
    with InfluxServer("central", "metrics") as server:
        for bucket in (BUCKET, OTHER, "pods", "power"):
            server.create_bucket(bucket)
        yield server


CASES = cases()
PASSED = [case for case in CASES if case.line() is not None]
HELD_BACK = [case for case in CASES if case.line() is None]


_KINDS = {FieldType.STRING: "string", FieldType.INTEGER: "long"}


def landed(central: InfluxServer, bucket: str) -> set[Point]:
    at = CASES[0].at
    return central.points(bucket, at - 10**9, at + 10**9)


def lines_of(passed: Iterable[Case]) -> bytes:
    return b"".join(line for case in passed if (line := case.line()) is not None)


def test_there_are_names_of_both_kinds_in_every_place() -> None:
    plain = Case(0, "m", "k", "v", "f", 0)
    for those in (PASSED, HELD_BACK):
        for place in PLACES:
            assert any(getattr(case, place) != getattr(plain, place) for case in those)
    assert len(PASSED) > 3000
    assert len(HELD_BACK) > 1000


def test_what_passes_is_taken_by_influxd_and_lands_as_it_is(central: InfluxServer) -> None:
    for start in range(0, len(PASSED), 1000):
        central.write(OTHER, lines_of(PASSED[start : start + 1000]))
    expected = {case.point() for case in PASSED}
    found = landed(central, OTHER)
    assert (sorted(expected - found)[:5], sorted(found - expected)[:5]) == ([], [])
    central.empty_bucket(OTHER)


TEXT = 'a \\"= ,"\\'
"""A string's content that has all that may be taken for a line's other parts."""


def wide(passed: Sequence[Case], together: int) -> tuple[bytes, set[Point]]:
    """Lines of `together` fields each, whose names are those of the cases, between strings; and their points."""
    lines, points = b"", set()
    for number in range(0, len(passed), together):
        fields = [case.field.encode() for case in passed[number : number + together]]
        at = passed[number].at + number
        columns = []
        for place, field in enumerate(dict.fromkeys(fields)):
            kind, value = ((FieldType.STRING, TEXT), (FieldType.INTEGER, str(number)))[place % 2]
            tags = (("key\\a", f"v{number}"), ("source_bucket", BUCKET))
            own = tuple((key.encode(), text.encode()) for key, text in tags)
            columns.append(Block(b"wide", own, field, kind, [b"%d" % at], [value.encode()]))
            points.add(Point("wide", frozenset(tags), field.decode(), Kind(_KINDS[kind]), value, at))
        lines += b"".join(piece.content for piece in encoded([columns]))
    return lines, points


@pytest.mark.parametrize("together", [2, 3, 50])
def test_names_that_pass_alone_pass_together_and_land_as_they_are(
    central: InfluxServer, tmp_path: Path, together: int
) -> None:
    """In influxd, and through Telegraf."""
    named = [case for case in PASSED if case.field != "f"]
    chosen = list({case.field: case for case in named}.values())
    lines, expected = wide(chosen, together)
    assert lines.count(b"\n") == -(-len(chosen) // together)
    central.write(OTHER, lines)
    found = landed(central, OTHER)
    assert (sorted(expected - found)[:5], sorted(found - expected)[:5]) == ([], [])
    central.empty_bucket(OTHER)
    log = through_telegraf(central, tmp_path, lines)
    assert [line for line in log.splitlines() if " E! " in line or "metric parse error" in line] == []
    found = {point for point in landed(central, BUCKET) if point.measurement != "done"}
    assert (sorted(expected - found)[:5], sorted(found - expected)[:5]) == ([], [])
    central.empty_bucket(BUCKET)


def test_the_longest_line_of_several_fields_is_taken_by_telegraf(central: InfluxServer, tmp_path: Path) -> None:
    at = b"%d" % CASES[0].at
    tags = ((b"source_bucket", BUCKET.encode()),)
    columns = [Block(b"wide", tags, b"f%d" % number, FieldType.INTEGER, [at], [b"1"]) for number in range(10_000)]
    lines = b"".join(piece.content for piece in encoded([columns]))
    longest = max(map(len, lines.splitlines()))
    assert MAX_LINE_BYTES - 100 < longest <= MAX_LINE_BYTES
    through_telegraf(central, tmp_path, lines)
    assert len([point for point in landed(central, BUCKET) if point.measurement == "wide"]) == 10_000
    central.empty_bucket(BUCKET)


def refused_by_influxd(central: InfluxServer, case: Case) -> bool:
    try:
        central.write(OTHER, case.careless())
    except HttpRefused as refused:
        return refused.status in (400, 422)
    return False


def through_telegraf(central: InfluxServer, folder: Path, lines: bytes) -> str:
    """Have Telegraf, as it is shipped, take `lines` of a plugin; return its log when it is done with all of them."""
    work = work_folder(folder / "work")
    (work / "lines").write_bytes(lines)
    programs = folder / "programs"
    programs.mkdir()
    plugin = programs / "data-collector"
    # A line a tick behind them: central has one when all before it have left Telegraf's buffer.
    behind = f"done,source_bucket={BUCKET} f=1i {CASES[0].at}"
    plugin.write_text(
        f"#!/bin/sh\ncat {shlex.quote(str(work / 'lines'))}\nwhile read -r tick; do echo '{behind}'; done\n"
    )
    plugin.chmod(0o755)
    names = {"SERVER_A_BUCKET": BUCKET, "SERVER_B_BUCKET": "pods", "SERVER_B_BUCKET_2": "power"}
    env = {
        "PATH": f"{programs}:{program_path()}",
        "INFLUXDB_CENTRAL_URL": central.url,
        "INFLUXDB_CENTRAL_TOKEN": central.token,
        "INFLUXDB_CENTRAL_ORG": central.org,
        "INFLUXDB_CENTRAL_BUCKET": "metrics",
        "COLLECTOR_INTERVAL": "1",
        "HEALTH_CHECK_PORT": str(free_port()),
        **names,
    }
    with TelegrafProcess(work / "telegraf.conf", env, cwd=work) as telegraf:
        wait_until(
            lambda: any(point.measurement == "done" for point in landed(central, BUCKET)),
            "the line behind them in central",
            60,
            every_s=0.5,
        )
        return telegraf.log()


def test_what_passes_is_taken_by_telegraf_and_lands_as_it_is(central: InfluxServer, tmp_path: Path) -> None:
    log = through_telegraf(central, tmp_path, lines_of(PASSED))
    assert [line for line in log.splitlines() if " E! " in line or "metric parse error" in line] == []
    expected = {case.point() for case in PASSED}
    found = {point for point in landed(central, BUCKET) if point.measurement != "done"}
    assert (sorted(expected - found)[:5], sorted(found - expected)[:5]) == ([], [])
    central.empty_bucket(BUCKET)


def test_what_is_held_back_would_not_have_landed_as_it_is(central: InfluxServer, tmp_path: Path) -> None:
    """By influxd's refusal of a whole batch, or because Telegraf leaves it out, or under another name."""
    taken = [case for case in HELD_BACK if not refused_by_influxd(central, case)]
    assert len(taken) < len(HELD_BACK)
    there = landed(central, OTHER)
    left = [case for case in taken if case.point() in there]
    through_telegraf(central, tmp_path, b"".join(case.careless() for case in left))
    assert {case.point() for case in left} & landed(central, BUCKET) == set()
    central.empty_bucket(BUCKET)


@pytest.mark.parametrize(
    "line",
    [
        b"m f=1e999 %d",
        b"m f=-1e309 %d",
        b"m f=1" + b"0" * 309 + b" %d",
        b"m f=1 9223372036854775807",
        b"m f=1 -9223372036854775807",
        b"m f=1 -9223372036854775808",
        b'm f="' + b"x" * (2**20 + 1) + b'" %d',
        b"m,k=" + b"x" * 65_600 + b" f=1 %d",
    ],
    ids=lambda line: line.decode()[:24],
)
def test_values_times_and_sizes_that_are_held_back_are_refused(central: InfluxServer, line: bytes) -> None:
    with pytest.raises(HttpRefused) as refused:
        central.write(OTHER, line % CASES[0].at if b"%d" in line else line)
    assert refused.value.status in (400, 422)


def test_values_times_and_sizes_at_the_limits_are_taken(central: InfluxServer) -> None:
    at = b"%d" % CASES[0].at
    columns = [
        (FieldType.FLOAT, [b"1e-999", b"1.7976931348623157e308", b"17976931348623157" + b"0" * 292]),
        (FieldType.STRING, [b"x" * 2**20]),
        (FieldType.INTEGER, [b"-9223372036854775808", b"9223372036854775807"]),
        (FieldType.UNSIGNED, [b"18446744073709551615"]),
    ]
    blocks = [Block(b"limits", (), kind.value.encode(), kind, [at] * len(values), values) for kind, values in columns]
    times = [b"-9223372036854775806", b"9223372036854775806"]
    blocks.append(Block(b"limits", (), b"times", FieldType.INTEGER, times, [b"1", b"2"]))
    mapper = LineMapper(MAPPER)
    blocks.append(Block(b"limits", ((b"k", b"x" * 65_490),), b"key", FieldType.INTEGER, [at], [b"1"]))
    mapped = [mapper.mapped(block) for block in blocks]
    assert not mapper.drops
    central.write(OTHER, b"".join(encode(block) for block in mapped if block is not None))
