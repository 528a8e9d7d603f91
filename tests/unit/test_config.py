"""queries.yaml: what is right loads, what is wrong is refused by key path, all of it at once, and quickly.

`config_cases/` holds a bad file for each rule; its first lines say what is expected of it.
"""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
import yaml
from _pytest.mark import ParameterSet
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telegraf_plugin.config import Config, Credential, Timeouts, load
from telegraf_plugin.config.schema import AggregateSection, QueriesFile, SourceSection, StreamSection, TimeoutsSection
from telegraf_plugin.config.yaml_file import MAX_BYTES
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, Start, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.transport import STRAIGHT, Tls

ROOT = Path(__file__).parents[2]
CASES = sorted((Path(__file__).parent / "config_cases").glob("*.bad.yaml"))
SECRET = "swordfish"  # what the cases write where a token or a password would stand
CENTRAL_TOKEN, POD_TOKEN, FILE_TOKEN = "central-token-1", "pod-token-22", "file-token-333"
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
QUICK = 10.0
"""Seconds that a bad file may take on a machine that is busy with other things; a bomb would take for ever."""

BASE = """\
central:
  url: http://central:8086
  org: main
  token: "${CENTRAL_TOKEN}"
sources:
  - name: POD-1
    url: http://pod-1:8086
    org: pod
    token: "${POD_TOKEN}"
    streams:
      - bucket: telegraf
"""
KEYS_OF_SOURCE = BASE + "    "
KEYS_OF_STREAM = BASE + "        "
FLUX = "'from(bucket: bucket) |> range(start: start, stop: stop)'"
SELECTION = """central_bucket: there
        measurements: [cpu, mem]
        exclude_fields: [idle]
        tags: {cpu: [cpu0, cpu1], dc: east}
        aggregate: {every: 1m, fn: mean}
        lookback: 10m
        start: -2h
        max_lag: 3m
        metadata_tags: [source_bucket, source]"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    tokens = tmp_path_factory.mktemp("tokens")
    contents = {
        "good": FILE_TOKEN.encode(),
        "newline": f"{FILE_TOKEN}\n".encode(),
        "windows": f"  {FILE_TOKEN}\r\n\r\n".encode(),
        "empty": b"",
        "blank": b" \n\t\n",
        "two_words": f"{SECRET} {SECRET}".encode(),
        "two_lines": f"{SECRET}\n{SECRET}\n".encode(),
        "binary": SECRET.encode() + b"\xff\x00\x80",
        "control": SECRET.encode() + b"\x01x",
        "large": SECRET.encode() * 10_000,
    }
    for name, content in contents.items():
        (tokens / name).write_bytes(content)
    (tokens / "directory").mkdir()
    write_certificates(tokens)
    return {
        "CENTRAL_TOKEN": CENTRAL_TOKEN,
        "POD_TOKEN": POD_TOKEN,
        "EMPTY": "",
        "LITERAL": "${LITERAL}",
        "TWO": "2",
        "BLANK": "  ",
        "TWO_WORDS": f"{SECRET} {SECRET}",
        "UMLAUT": f"{SECRET}ü",
        "TOKENS": str(tokens),
    }


def write_certificates(folder: Path) -> None:
    authority = trustme.CA()
    client, other = authority.issue_cert("collector"), authority.issue_cert("other")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    client.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    client.private_key_pem.write_to_path(str(folder / "client.key"))
    other.private_key_pem.write_to_path(str(folder / "other.key"))
    key = load_pem_private_key(client.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET.encode()))
    (folder / "encrypted.key").write_bytes(encrypted)


def written(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "queries.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def loaded(tmp_path: Path, content: str, environment: dict[str, str]) -> Config:
    return load(written(tmp_path, content), environment)


def refused(file: Path, environment: dict[str, str]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment)
    return caught.value


def expected_problems(file: Path, environment: dict[str, str]) -> list[str]:
    lines = re.findall(rb"^# expect: (.*)$", file.read_bytes(), re.MULTILINE)
    return [line.decode().replace("${TOKENS}", environment["TOKENS"]) for line in lines]


# What is wrong


def cases() -> list[ParameterSet]:
    return [pytest.param(file, id=file.name.removesuffix(".bad.yaml")) for file in CASES]


@pytest.mark.parametrize("file", cases())
def test_a_bad_file_is_refused_with_exactly_its_problems(file: Path, environment: dict[str, str]) -> None:
    began = time.perf_counter()
    error = refused(file, environment)
    assert time.perf_counter() - began < QUICK
    expected = sorted(expected_problems(file, environment))
    found = sorted(map(str, error.problems))
    assert expected
    assert len(found) == len(expected), found
    for problem, pattern in zip(found, expected, strict=True):  # "..." in a pattern stands for any text
        assert re.fullmatch(".*".join(map(re.escape, pattern.split("..."))), problem), (problem, pattern)
    assert error.file == str(file)


@pytest.mark.parametrize("file", cases())
def test_no_refusal_repeats_a_secret(file: Path, environment: dict[str, str]) -> None:
    try:
        told = repr(load(file, environment))
    except Exception as error:  # of whatever kind: that it is the right one is another test's
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(getattr(error, "problems", ""))
    for secret in (SECRET, CENTRAL_TOKEN, POD_TOKEN):
        assert secret not in told


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    error = refused(tmp_path / "queries.yaml", {})
    assert str(error) == f"{tmp_path}/queries.yaml: cannot be read: No such file or directory"
    assert [problem.path for problem in error.problems] == [""]


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert str(refused(tmp_path, {})) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"---\n", b"~\n", b"# nothing yet\n", b"\xef\xbb\xbf"])
def test_a_file_without_content_is_empty(tmp_path: Path, content: bytes) -> None:
    error = refused(written(tmp_path, content), {})
    assert [problem.message for problem in error.problems] == ["is empty; config/queries.yaml as shipped is a start"]


def test_a_file_of_the_largest_size_loads_and_one_byte_more_does_not(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    padding = "# " + "x" * (MAX_BYTES - len(BASE) - 2)
    assert [source.name for source in loaded(tmp_path, BASE + padding, environment).sources] == ["POD-1"]
    error = refused(written(tmp_path, BASE + padding + "x"), environment)
    assert [problem.message for problem in error.problems] == ["is larger than 131,072 bytes"]


def test_a_stream_can_be_filtered_by_a_tag_called_token(tmp_path: Path, environment: dict[str, str]) -> None:
    config = loaded(tmp_path, KEYS_OF_STREAM + "tags: {token: ring}\n", environment)
    assert config.streams[0].tags == (("token", ("ring",)),)


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


# TLS and proxies


def test_a_server_without_tls_keys_trusts_the_systems_authorities(tmp_path: Path, environment: dict[str, str]) -> None:
    config = loaded(tmp_path, BASE, environment)
    assert config.central.transport == config.sources[0].server.transport == STRAIGHT


def test_the_tls_keys_reach_the_configuration(tmp_path: Path, environment: dict[str, str]) -> None:
    keys = [f'{key}: "${{TOKENS}}/{file}"' for key, file in [("tls_cert", "client.pem"), ("tls_key", "client.key")]]
    keys += ['tls_ca: "${TOKENS}/ca.pem"', "tls_server_name: db-1.example.org", "insecure_skip_verify: true"]
    content = KEYS_OF_SOURCE.replace("http://pod-1", "https://pod-1") + "\n    ".join(keys) + "\n"
    folder = Path(environment["TOKENS"])
    tls = loaded(tmp_path, content, environment).sources[0].server.transport.tls
    assert tls == Tls(folder / "ca.pem", folder / "client.pem", folder / "client.key", "db-1.example.org", False)


def test_a_verification_that_is_not_skipped_may_stand_beside_plain_http(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    config = loaded(tmp_path, KEYS_OF_SOURCE + "insecure_skip_verify: false\n", environment)
    assert config.sources[0].server.transport == STRAIGHT


def test_a_proxy_of_the_environment_is_taken_and_its_password_not_shown(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    proxy = f"http://user:{SECRET}@proxy:3128"
    config = loaded(tmp_path, BASE, environment | {"HTTP_PROXY": proxy, "NO_PROXY": "central"})
    assert (config.central.transport.proxy, config.sources[0].server.transport.proxy) == (None, proxy)
    assert SECRET not in repr(config)


def test_a_proxy_that_is_none_is_refused_by_its_variable_and_its_password_not_shown(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    error = refused(written(tmp_path, BASE), environment | {"HTTP_PROXY": f"socks5://user:{SECRET}@proxy:1080"})
    expected = "the variable HTTP_PROXY names no proxy: expected http://host:port or https://host:port"
    assert list(map(str, error.problems)) == [f"central.url: {expected}", f"sources[0].url: {expected}"]


def test_a_configuration_loads_without_tokens_when_they_are_not_wanted(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    file = written(tmp_path, BASE.replace('token: "${POD_TOKEN}"', "token_file: /nowhere"))
    assert [source.name for source in load(file, {}, tokens=False).sources] == ["POD-1"]
    file = written(tmp_path, BASE.replace("org: pod", "org: 1"))
    with pytest.raises(ConfigurationError) as caught:
        load(file, {}, tokens=False)
    assert [problem.path for problem in caught.value.problems] == ["sources[0].org"]


def test_nothing_that_the_file_holds_reaches_the_terminal_as_a_control(tmp_path: Path) -> None:
    attack = r'"\e[2J\e]0;owned\a\u202e\r\nE! forged"'
    content = (
        f"{{central: {{url: {attack}, org: {attack}, token: {attack}, tls_ca: {attack}, {attack}: 1}}, "
        f"templates: {{{attack}: {{lookback: {attack}}}}}, metadata_tags: [{attack}], {attack}: {attack}, "
        f"sources: [{{name: {attack}, url: {attack}, streams: [{{bucket: {attack}, template: x, flux: {attack}}}]}}]}}"
    )
    error = refused(written(tmp_path, content), {"HTTP_PROXY": "\x1b[2J"})
    assert len(error.problems) > 10
    for problem in map(str, error.problems):
        assert problem.isprintable(), problem


# Whatever the file holds

KEYS = sorted(
    {*QueriesFile.model_fields, *SourceSection.model_fields, *StreamSection.model_fields}
    | {*TimeoutsSection.model_fields, *AggregateSection.model_fields}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=20)
    | st.sampled_from(["${CENTRAL_TOKEN}", "${NOBODY}", "http://pod-1:8086", "5m", "mean", "source_bucket", "a", *KEYS])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)
        | st.dictionaries(SCALARS, inner, max_size=3)
    ),
    max_leaves=40,
)
NEARLY = st.fixed_dictionaries(  # so close to right that every rule is reached
    {"central": VALUES, "sources": st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8), max_size=3)}
)


def outcome(content: bytes, folder: Path) -> Config | ConfigurationError:
    try:
        return load(written(folder, content), {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN})
    except ConfigurationError as error:
        return error


WHATEVER = settings(
    deadline=timedelta(seconds=QUICK),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
)


@given(value=VALUES | NEARLY)
@WHATEVER
def test_whatever_value_the_file_holds_it_is_taken_or_refused(tmp_path: Path, value: object) -> None:
    content = yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "surrogatepass")
    found = outcome(content, tmp_path)
    assert found.sources if isinstance(found, Config) else found.problems


@given(content=st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
@WHATEVER
def test_whatever_bytes_the_file_holds_they_are_refused(tmp_path: Path, content: bytes) -> None:
    assert isinstance(outcome(content, tmp_path), ConfigurationError)


@given(at=st.integers(0, len(BASE)), cut=st.integers(0, 12), text=st.text(max_size=12))
@WHATEVER
def test_whatever_slip_is_made_in_a_right_file_it_is_taken_or_refused(
    tmp_path: Path, at: int, cut: int, text: str
) -> None:
    content = (BASE[:at] + text + BASE[at + cut :]).encode("utf-8", "surrogatepass")
    found = outcome(content, tmp_path)
    assert found.sources if isinstance(found, Config) else found.problems


@given(text=st.text(max_size=40), where=st.sampled_from(["central", "source"]), around=st.sampled_from(["", "${A}"]))
@WHATEVER
def test_whatever_token_is_written_out_its_text_is_repeated_nowhere(
    tmp_path: Path, text: str, where: str, around: str
) -> None:
    document = yaml.safe_load(BASE)
    section = document["central"] if where == "central" else document["sources"][0]
    section["token"] = f"{SECRET}{text}{around}"
    error = outcome(yaml.safe_dump(document).encode(), tmp_path)
    assert isinstance(error, ConfigurationError)
    path = "central.token" if where == "central" else "sources[0].token"
    assert [problem.path for problem in error.problems] == [path]
    assert SECRET not in str(error) + repr(error) + "".join(traceback.format_exception(error))


# What is shipped

SHIPPED = ROOT / "config" / "queries.yaml"
COMMENTED = re.compile(r"^( *)# (?!#)(([a-z_]+): .*)$", re.MULTILINE)
EXAMPLES = {"token_file", "tags", "aggregate", "flux", "max_lag"}
"""Keys that are shown commented out although what stands there is an example: they have no default."""


@pytest.fixture
def shipped_environment() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    environment = {name: value for name, _, value in pairs}
    tokens = [name for name, value in environment.items() if not value]
    assert sorted(tokens) == ["INFLUXDB_CENTRAL_TOKEN", "SERVER_A_TOKEN", "SERVER_B_TOKEN"]
    return environment | {name: f"token-of-{name}" for name in tokens}


def test_the_shipped_file_loads_with_the_shipped_variables(shipped_environment: dict[str, str]) -> None:
    config = load(SHIPPED, shipped_environment)
    assert [stream.label for stream in config.streams] == [
        "POD-8/telegraf",
        "POD-30/pod_monitoring",
        "POD-30/power_monitoring",
    ]
    assert config.streams[0].measurements == ("cpu", "mem", "disk", "net")
    assert config.streams[2].exclude_fields == ("chair_section",)


def test_the_shipped_file_without_the_shipped_tokens_names_each_of_them(shipped_environment: dict[str, str]) -> None:
    problems = refused(SHIPPED, {k: v for k, v in shipped_environment.items() if "TOKEN" not in k}).problems
    assert {problem.path for problem in problems} == {"central.token", "sources[0].token", "sources[1].token"}


def commented_keys() -> list[re.Match[str]]:
    return [match for match in COMMENTED.finditer(SHIPPED.read_text()) if match.group(3) not in EXAMPLES]


def test_the_shipped_file_shows_every_default() -> None:
    shown = {match.group(3) for match in commented_keys()}
    assert shown == {
        *("concurrent_queries", "timeouts", "name", "central_bucket", "lookback"),
        *("max_in_flight", "rewritten_tags", "start", "sweep"),
    }


@pytest.mark.parametrize("match", commented_keys(), ids=lambda match: match.group(3))
def test_a_default_that_the_shipped_file_shows_is_the_codes_default(
    tmp_path: Path, shipped_environment: dict[str, str], match: re.Match[str]
) -> None:
    text = SHIPPED.read_text()
    shown = text[: match.start()] + match.expand(r"\1\2") + text[match.end() :]
    assert shown != text
    assert yaml.safe_load(shown) != yaml.safe_load(text)
    assert loaded(tmp_path, shown, shipped_environment) == load(SHIPPED, shipped_environment)


def test_the_metadata_tags_of_the_shipped_file_are_the_codes_default(
    tmp_path: Path, shipped_environment: dict[str, str]
) -> None:
    document = yaml.safe_load(SHIPPED.read_text())
    assert document.pop("metadata_tags")
    assert loaded(tmp_path, yaml.safe_dump(document), shipped_environment) == load(SHIPPED, shipped_environment)


@pytest.mark.parametrize("key", sorted(EXAMPLES))
def test_an_example_in_the_shipped_file_can_be_taken_over(
    tmp_path: Path, shipped_environment: dict[str, str], key: str
) -> None:
    text = SHIPPED.read_text()
    (match,) = [match for match in COMMENTED.finditer(text) if match.group(3) == key]
    token = tmp_path / "token"
    token.write_text("a-token-of-eight-or-more")
    tail = text[match.end() :]
    if key == "flux":  # it goes on in the next line, and instead of the template's measurements
        tail = re.sub(r"^ *#  ", " " * 10, tail.lstrip("\n"), count=1, flags=re.MULTILINE)
        tail = "\n" + tail
    shown = text[: match.start()] + match.expand(r"\1\2") + tail
    shown = shown.replace("/run/secrets/central_token", str(token))
    if key == "token_file":
        shown = shown.replace('  token: "${INFLUXDB_CENTRAL_TOKEN}"\n', "")
    if key == "flux":
        shown = shown.replace("        template: system_metrics\n", "")
    assert loaded(tmp_path, shown, shipped_environment) != load(SHIPPED, shipped_environment)
