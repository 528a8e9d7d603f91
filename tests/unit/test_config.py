"""queries.yaml: what is right loads, what is wrong is refused by key path, all of it at once, and quickly.

`config_cases/` holds a bad file for each rule; its first lines say what is expected of it.
"""

from __future__ import annotations

import re
import time
import traceback
from pathlib import Path

import pytest
import yaml
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telegraf_plugin.config import Config
from telegraf_plugin.config.load import load
from telegraf_plugin.config.schema import AggregateSection, QueriesFile, SourceSection, StreamSection, TimeoutsSection
from telegraf_plugin.config.yaml_file import MAX_BYTES
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.transport import STRAIGHT, Tls
from tests.unit.config_bench import (
    BASE,
    CASES,
    CENTRAL_TOKEN,
    KEYS_OF_SOURCE,
    KEYS_OF_STREAM,
    POD_TOKEN,
    QUICK,
    SECRET,
    expected_problems,
    loaded,
    refused,
    written,
)

# What is wrong


def cases() -> list[ParameterSet]:
    return [pytest.param(file, id=file.name.removesuffix(".bad.yaml")) for file in CASES]


@pytest.mark.parametrize("file", cases())
def test_a_bad_file_is_refused_with_exactly_its_problems(file: Path, environment: dict[str, str]) -> None:
    began = time.thread_time()
    error = refused(file, environment)
    assert time.thread_time() - began < QUICK
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
    began = time.thread_time()
    try:
        return load(written(folder, content), {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN})
    except ConfigurationError as error:
        return error
    finally:
        assert time.thread_time() - began < QUICK


WHATEVER = settings(
    deadline=None,  # `outcome` counts this thread's own time, whatever else the machine does
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
