"""queries.yaml: where streams begin, how far behind they may be, what may be in flight, and streams kept apart."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from telegraf_plugin.config import Config
from telegraf_plugin.config.load import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.stream.definition import Start

SECOND = 1_000_000_000
DAY = 24 * 3600 * SECOND
SERVER = 'url: "http://x:8086", org: o, token: "${TOKEN}"'


def loaded(tmp_path: Path, streams: list[str], top: str = "") -> Config:
    """Load a file with a source POD-1, POD-2, … for each of `streams`."""
    sources = "".join(f"  - {{name: POD-{n}, {SERVER}, streams: [{{{s}}}]}}\n" for n, s in enumerate(streams, 1))
    path = tmp_path / "queries.yaml"
    central = SERVER.replace("//x:", "//central:")
    path.write_text(f"central: {{{central}}}\nsources:\n{sources}{top}", "utf-8")
    return load(path, {"TOKEN": "a-token-of-some-length"})


def problems(tmp_path: Path, streams: list[str], top: str = "") -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, streams, top)
    return [problem.path for problem in refused.value.problems]


def unix(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ('"-5m"', Start(ago=300 * SECOND)),
        ("-36h", Start(ago=36 * 3600 * SECOND)),
        ("earliest", Start()),
        ('"2026-11-24"', Start(date=unix(2026, 11, 24))),
        ('"2026-11-24T10:00:00Z"', Start(date=unix(2026, 11, 24, 10))),
        ('"2026-11-24T10:00:00+02:00"', Start(date=unix(2026, 11, 24, 8))),
        ('"2026-11-24T10:00:00.000001Z"', Start(date=unix(2026, 11, 24, 10) + 1000)),
        ('"1969-07-20"', Start(date=unix(1969, 7, 20))),
    ],
)
def test_a_start_is_how_long_ago_a_date_or_the_earliest(tmp_path: Path, text: str, start: Start) -> None:
    assert loaded(tmp_path, [f"bucket: b, start: {text}"]).streams[0].start == start


@pytest.mark.parametrize("top", ["max_in_flight: 10000\n", "max_in_flight: 10000000\n"])
def test_what_may_be_in_flight_is_taken_within_its_bounds(tmp_path: Path, top: str) -> None:
    assert loaded(tmp_path, ["bucket: b"], top).max_in_flight == int(top.split()[1])


def test_nothing_may_be_rewritten(tmp_path: Path) -> None:
    assert loaded(tmp_path, ["bucket: b"], "rewritten_tags: []\n").streams[0].rewritten_tags == ()


SOURCE = "metadata_tags: [source_bucket, source]"


def test_two_sources_with_one_bucket_need_the_tag_source(tmp_path: Path) -> None:
    both = ["bucket: b", "bucket: b"]
    assert problems(tmp_path, both) == [f"sources[{n}].streams[0].metadata_tags" for n in (0, 1)]
    assert len(loaded(tmp_path, both, f"{SOURCE}\n").streams) == 2


@pytest.mark.parametrize("first", [0, 1])
def test_both_of_them_need_it(tmp_path: Path, first: int) -> None:
    """The one without it would find the other's points among its own in central."""
    streams = ["bucket: b", f"bucket: b, {SOURCE}"]
    assert problems(tmp_path, [streams[first], streams[1 - first]]) == [f"sources[{first}].streams[0].metadata_tags"]


def test_of_three_each_that_lacks_it_is_named(tmp_path: Path) -> None:
    lacking = problems(tmp_path, ["bucket: b", f"bucket: b, {SOURCE}", "bucket: b"])
    assert lacking == ["sources[0].streams[0].metadata_tags", "sources[2].streams[0].metadata_tags"]


@pytest.mark.parametrize("second", ["bucket: c", "bucket: b, central_bucket: elsewhere"])
def test_sources_that_do_not_meet_in_central_need_none(tmp_path: Path, second: str) -> None:
    assert len(loaded(tmp_path, ["bucket: b", second]).streams) == 2


def test_two_streams_of_one_source_may_read_one_bucket(tmp_path: Path) -> None:
    content = "bucket: b, name: x}, {bucket: b, name: y"
    assert len(loaded(tmp_path, [content]).streams) == 2
