"""queries.yaml: what is right means just this."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from telegraf_plugin.config import Credential, Timeouts
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, Start, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from tests.unit.config_bench import (
    BASE,
    FILE_TOKEN,
    FLUX,
    KEYS_OF_SOURCE,
    KEYS_OF_STREAM,
    MINUTE,
    POD_TOKEN,
    SECOND,
    SELECTION,
    loaded,
    refused,
    written,
)

# What is right


def test_what_is_left_out_has_its_default(tmp_path: Path, environment: dict[str, str]) -> None:
    config = loaded(tmp_path, BASE, environment)
    (source,) = config.sources
    assert (config.metrics_bucket, config.max_in_flight) == ("metrics", 100_000)
    assert (source.name, source.server.url, source.server.org) == ("POD-1", "http://pod-1:8086", "pod")
    assert source.concurrent_queries == 1
    assert source.timeouts == Timeouts(connect=5.0, read=15.0, query=300.0)
    (stream,) = config.streams
    assert stream == StreamDefinition(
        source="POD-1",
        name="telegraf",
        bucket="telegraf",
        central_bucket="telegraf",
        measurements=(),
        exclude_fields=(),
        tags=(),
        aggregate=None,
        flux=None,
        lookback=5 * MINUTE,
        metadata_tags=(MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD),
        start=Start(ago=5 * MINUTE),
        max_lag=None,
        rewritten_tags=("host",),
    )


def test_every_key_reaches_the_configuration(tmp_path: Path, environment: dict[str, str]) -> None:
    config = loaded(
        tmp_path,
        KEYS_OF_SOURCE.replace("- bucket: telegraf", "- {bucket: a/b}\n      - {bucket: c, flux: ${F}}")
        .replace("${F}", FLUX)
        .replace("- {bucket: a/b}", "- bucket: a/b\n        " + SELECTION)
        .replace("sources:\n", "  metrics_bucket: own\nsources:\n")
        + "concurrent_queries: 16\n    timeouts: {connect: 250ms, read: 1m30s, query: 1h}\n"
        + "rewritten_tags: [host, rack]\nmax_in_flight: 20000\n",
        environment,
    )
    (source,) = config.sources
    assert source.concurrent_queries == 16
    assert source.timeouts == Timeouts(connect=0.25, read=90.0, query=3600.0)
    first, second = config.streams
    assert (first.label, first.bucket, first.central_bucket) == ("POD-1/a_b", "a/b", "there")
    assert (first.measurements, first.exclude_fields) == (("cpu", "mem"), ("idle",))
    assert first.tags == (("cpu", ("cpu0", "cpu1")), ("dc", ("east",)))
    assert first.aggregate == Aggregate(MINUTE, AggregateFunction.MEAN)
    assert first.lookback == 10 * MINUTE
    assert first.metadata_tags == (MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE)
    assert first.rewritten_tags == second.rewritten_tags == ("host", "rack")
    assert (first.start, first.max_lag) == (Start(ago=2 * 60 * MINUTE), 3 * MINUTE)
    assert second.flux == "from(bucket: bucket) |> range(start: start, stop: stop)"
    assert (config.metrics_bucket, config.max_in_flight) == ("own", 20_000)


def test_a_streams_own_keys_win_over_its_templates(tmp_path: Path, environment: dict[str, str]) -> None:
    content = (
        KEYS_OF_STREAM
        + "template: system\n        measurements: [disk]\n        lookback: 1h\n"
        + "templates: {system: {measurements: [cpu], exclude_fields: [idle], metadata_tags: [source_bucket]}}\n"
    )
    (stream,) = loaded(tmp_path, content, environment).streams
    assert (stream.measurements, stream.exclude_fields, stream.lookback) == (("disk",), ("idle",), 60 * MINUTE)
    assert stream.metadata_tags == (MetadataTag.SOURCE_BUCKET,)


def test_streams_of_different_sources_may_have_one_name(tmp_path: Path, environment: dict[str, str]) -> None:
    second = BASE.partition("sources:\n")[2].replace("POD-1", "POD-2")
    config = loaded(tmp_path, BASE + second + "metadata_tags: [source_bucket, source]\n", environment)
    assert [stream.label for stream in config.streams] == ["POD-1/telegraf", "POD-2/telegraf"]


def test_metadata_tags_of_the_file_are_those_of_streams_without_their_own(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    content = (
        KEYS_OF_STREAM
        + "metadata_tags: [source_bucket, source]\n      - bucket: power\nmetadata_tags: [source_bucket]\n"
    )
    own, others = loaded(tmp_path, content, environment).streams
    assert own.metadata_tags == (MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE)
    assert others.metadata_tags == (MetadataTag.SOURCE_BUCKET,)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1ms", 1_000_000),
        ("1s", SECOND),
        ("5m", 5 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("7d", 7 * 24 * 60 * MINUTE),
        ("1w", 7 * 24 * 60 * MINUTE),
        ("0h1s", SECOND),
    ],
)
def test_a_duration_is_read_in_fluxs_units(
    tmp_path: Path, environment: dict[str, str], text: str, nanoseconds: int
) -> None:
    config = loaded(tmp_path, KEYS_OF_STREAM + f"aggregate: {{every: {text}, fn: mean}}\n", environment)
    assert config.streams[0].aggregate == Aggregate(nanoseconds, AggregateFunction.MEAN)


@pytest.mark.parametrize("lookback", ["999ms", "1s1us", "1ns"])
def test_a_lookback_is_of_whole_milliseconds_from_a_second_on(
    tmp_path: Path, environment: dict[str, str], lookback: str
) -> None:
    error = refused(written(tmp_path, KEYS_OF_STREAM + f"lookback: {lookback}\n"), environment)
    assert [problem.message for problem in error.problems] == ["expected one second or more, in whole milliseconds"]


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://pod-1", "https://pod-1"),
        ("http://pod-1:8086/", "http://pod-1:8086"),
        ("http://proxy/influx/", "http://proxy/influx"),
        ("HTTPS://Pod:8086", "https://Pod:8086"),
        ("Http://pod/", "http://pod"),
        ("http://[::1]:8086", "http://[::1]:8086"),
        ("http://192.168.199.8:8086", "http://192.168.199.8:8086"),
    ],
)
def test_a_url_is_taken_without_its_last_slash(
    tmp_path: Path, environment: dict[str, str], url: str, taken: str
) -> None:
    content = BASE.replace("http://pod-1:8086", f'"{url}"')
    assert loaded(tmp_path, content, environment).sources[0].server.url == taken


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${ORG}", "from-environment"),
        ("${ORG:-x}", "from-environment"),
        ("${NOBODY:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${LITERAL:-other}", "other"),
        ("${NOBODY:-}org", "org"),
        ("${NOBODY:-a:-b}", "a:-b"),
        ("a ${ORG} b ${ORG}", "a from-environment b from-environment"),
        ("$ORG", "$ORG"),
        ("$${ORG} ${ORG}", "${ORG} from-environment"),
        ("$${not closed", "${not closed"),
        ("100 $", "100 $"),
        ("${DOLLARS}", "$1 ${x} \\\\"),
    ],
)
def test_a_reference_is_replaced_by_its_variable_or_default(
    tmp_path: Path, environment: dict[str, str], reference: str, value: str
) -> None:
    variables = environment | {"ORG": "from-environment", "DOLLARS": "$1 ${x} \\\\"}
    config = loaded(tmp_path, BASE.replace("org: main", f'org: "{reference}"'), variables)
    assert config.central.org == value


@pytest.mark.parametrize("name", ["good", "newline", "windows"])
def test_a_token_file_is_taken_without_the_space_around_its_word(
    tmp_path: Path, environment: dict[str, str], name: str
) -> None:
    content = BASE.replace('token: "${CENTRAL_TOKEN}"', f'token_file: "${{TOKENS}}/{name}"')
    assert loaded(tmp_path, content, environment).central.credential.read() == FILE_TOKEN


def test_a_new_token_in_the_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("the-first-token\n")
    credential = Credential(file=file)
    assert credential.read() == "the-first-token"
    file.write_text("the-second-token\n")
    assert credential.read() == "the-second-token"
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read: No such file or directory"):
        credential.read()


def test_a_configuration_shows_no_token(tmp_path: Path, environment: dict[str, str]) -> None:
    content = BASE.replace('token: "${CENTRAL_TOKEN}"', 'token_file: "${TOKENS}/good"')
    config = loaded(tmp_path, content, environment)
    assert (config.central.credential.read(), config.sources[0].server.credential.read()) == (FILE_TOKEN, POD_TOKEN)
    for shown in (repr(config), str(config), f"{config.sources[0].server.credential}"):
        assert FILE_TOKEN not in shown
        assert POD_TOKEN not in shown


def test_a_configuration_is_frozen(tmp_path: Path, environment: dict[str, str]) -> None:
    config = loaded(tmp_path, BASE, environment)
    for part, key in ((config, "central"), (config.sources[0], "name"), (config.streams[0], "bucket")):
        with pytest.raises(FrozenInstanceError):
            setattr(part, key, "other")
    assert hash(config.streams[0]) == hash(loaded(tmp_path, BASE, environment).streams[0])
