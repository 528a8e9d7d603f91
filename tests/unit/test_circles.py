"""A bucket that would be copied into itself: refused at start under every spelling of its address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from telegraf_plugin.config.circles import address
from telegraf_plugin.config.load import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.stream.circle import gone_round

TOKEN = "${TOKEN}"


def problems(folder: Path, url: str, streams: list[dict[str, Any]], org: str = "o") -> list[str]:
    """What is refused of a source at `url` beside a central at http://influx:8086, org `o`."""
    source = {"name": "POD-1", "url": url, "org": org, "token": TOKEN, "streams": streams}
    central = {"url": "http://influx:8086", "org": "o", "token": TOKEN}
    file = folder / "queries.yaml"
    file.write_text(yaml.safe_dump({"central": central, "sources": [source]}))
    try:
        load(file, {"TOKEN": "a-token-of-tests"})
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "url", ["http://influx:8086", "http://INFLUX:8086/", "HTTP://influx.:8086", "https://influx:8086"]
)
def test_a_bucket_that_is_central_itself_is_refused_under_any_spelling(tmp_path: Path, url: str) -> None:
    (found,) = problems(tmp_path, url, [{"bucket": "data"}])
    assert found.startswith("sources[0].streams[0]: bucket data of this server and org is central's bucket data: ")


@pytest.mark.parametrize(
    ("url", "org", "stream"),
    [
        ("http://influx:8086", "o", {"bucket": "data", "central_bucket": "copy"}),
        ("http://influx:8086", "other", {"bucket": "data"}),
        ("http://influx:8087", "o", {"bucket": "data"}),
        ("http://influx:8086/region", "o", {"bucket": "data"}),
        ("http://influx2:8086", "o", {"bucket": "data"}),
    ],
)
def test_another_bucket_org_or_server_is_allowed(tmp_path: Path, url: str, org: str, stream: dict[str, Any]) -> None:
    assert problems(tmp_path, url, [stream], org) == []


def test_a_circle_over_several_streams_is_refused_at_each_of_them_and_at_no_other(tmp_path: Path) -> None:
    ways = ["ab", "bc", "ca", "xa", "cy"]
    streams = [{"bucket": way[0], "central_bucket": way[1], "name": way} for way in ways]
    found = problems(tmp_path, "http://influx:8086", streams)
    assert [text.partition(":")[0] for text in found] == [f"sources[0].streams[{number}]" for number in range(3)]
    assert all("would go round for ever" in text for text in found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://localhost", "http://127.0.0.1:80"),
        ("http://[::1]:8086", "http://localhost:8086"),
        ("http://127.8.9.1:8086", "http://LOCALHOST.:8086"),
        ("http://[2001:db8::1]:8086", "http://[2001:0db8:0:0::1]:8086"),
        ("http://[::ffff:10.0.0.1]:8086", "http://10.0.0.1:8086"),
        ("https://influx", "https://influx:443/"),
        ("http://user@influx:8086", "http://influx:8086"),
    ],
)
def test_spellings_of_one_address_are_one(one: str, other: str) -> None:
    assert address(one) == address(other)


def test_addresses_of_two_servers_are_two() -> None:
    urls = ["http://a:8086", "http://b:8086", "http://a", "https://a", "http://a:8086/x", "http://10.0.0.1:8086"]
    assert len(set(map(address, urls))) == len(urls)


def way(*buckets: str) -> tuple[tuple[bytes, bytes], ...]:
    """The own tags of a series that came over these buckets, the last one first."""
    found = {b"exported_" * depth + b"source_bucket": bucket.encode() for depth, bucket in enumerate(buckets)}
    return tuple(sorted((found | {b"host": b"a", b"not_a_source_bucket": b"a"}).items()))


@pytest.mark.parametrize(
    ("buckets", "round_"),
    [
        ((), False),
        (("b",), False),
        (("b", "a"), False),  # a chain: another server's bucket may be called the same
        (("b", "a", "b"), False),
        (("b", "a", "b", "a"), True),
        (("c", "b", "a", "c", "b", "a"), True),
        (("b", "x", "b", "x"), False),
    ],
)
def test_points_that_went_round_twice_are_known_by_their_way(buckets: tuple[str, ...], round_: bool) -> None:
    assert gone_round(way(*buckets), b"a") is round_
