"""Both files together: what a stream knows of Telegraf's renames, and which streams are refused for what it cannot."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from telegraf_plugin import settings
from telegraf_plugin.audit import Audit
from telegraf_plugin.cli import main
from telegraf_plugin.config import Config
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.stream.renames import TagRule

ENVIRONMENT = {"T": "a-token-of-a-test"}
SERVER = {"url": "http://pod:8086", "org": "o", "token": "${T}"}
REGEX = """
[[processors.regex]]
  [[processors.regex.tags]]
    key = "host"
    pattern = '^POD-(\\d+)$'
    replacement = "pod_${1}"
"""
RULE = TagRule("host", r"^POD-(\d+)$", "pod_${1}")
LATER = "[[processors.regex]]\n  order = 5\n  [[processors.regex.tags]]\n    key = 'host'\n    pattern = 'a'\n"
STARLARK = "[[processors.starlark]]\n  source = 'def apply(metric): return metric'\n"
SPLIT = [{"bucket": "b", "name": "8", "tags": {"host": "POD-8"}}, {"bucket": "b", "name": "9", "tags": {"rack": "1"}}]


class Files:
    def __init__(self, folder: Path) -> None:
        self.queries, self.conf = folder / "queries.yaml", folder / "telegraf.conf"
        self.environment = ENVIRONMENT | {"TELEGRAF_CONFIG_PATH": str(self.conf)}

    def load(self, conf: str | None, *streams: dict[str, Any], **more: Any) -> Config:
        document = {
            "central": SERVER | {"url": "http://central:8086"},
            "sources": [{"name": "POD-1", **SERVER, "streams": list(streams)}],
            **more,
        }
        self.queries.write_text(yaml.safe_dump(document))
        if conf is not None:
            self.conf.write_text(conf)
        return settings.load(self.queries, self.environment)

    def refused(self, conf: str | None, *streams: dict[str, Any], **more: Any) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            self.load(conf, *streams, **more)
        return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_what_telegraf_renames_is_known_and_nothing_is_left_out(files: Files) -> None:
    found = files.load(REGEX + LATER, *SPLIT).streams
    assert [stream.renames for stream in found] == [(RULE, TagRule("host", "a"))] * 2
    assert [(stream.rewritten_tags, stream.uncomputed) for stream in found] == [((), "")] * 2


def test_processors_go_by_their_order(files: Files) -> None:
    (stream,) = files.load(LATER + REGEX, {"bucket": "b"}).streams
    assert stream.renames == (RULE, TagRule("host", "a"))


def test_without_processors_hosts_are_compared_as_they_are(files: Files) -> None:
    (stream,) = files.load("[agent]\n", {"bucket": "b", "tags": {"host": "POD-8"}}).streams
    assert (stream.renames, stream.rewritten_tags) == ((), ())


def test_another_rename_is_another_definition(files: Files) -> None:
    hashes = {files.load(conf, {"bucket": "b"}).streams[0].hash for conf in (REGEX, LATER, "", REGEX)}
    assert len(hashes) == 3


def test_a_processor_that_sees_no_data_changes_nothing(files: Files) -> None:
    own = STARLARK + '  [processors.starlark.tagdrop]\n    source_bucket = ["*"]\n'
    assert files.load(REGEX + own, {"bucket": "b"}).streams[0].renames == (RULE,)


UNTOLD = {
    "starlark": (REGEX + STARLARK, "processors.starlark cannot be computed"),
    "pattern": (REGEX.replace(r"\d", r"\p{Nd}"), "has \\p"),
    "not go's": (REGEX.replace(r"(\d+)", r"(?=8)"), "is not one of Go's"),
    "partly": (REGEX + "[processors.regex.tagpass]\n  host = ['POD-8']\n", "sees a part of the stream's points only"),
    "keys": (REGEX + "  [[processors.regex.tag_rename]]\n    pattern = 'a'\n", "tag_rename"),
    "glob": (REGEX.replace('"host"', '"ho*"'), "stands for several tags"),
    "not toml": ("[[processors", "is not TOML"),
    "gone": (None, "there is no telegraf.conf to be read"),
}


@pytest.mark.parametrize("case", UNTOLD)
def test_what_cannot_be_computed_is_left_out_with_the_reason(
    files: Files, case: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    conf, why = UNTOLD[case]
    monkeypatch.setenv("T", ENVIRONMENT["T"])
    config = files.load(conf, {"bucket": "b"}, {"bucket": "c", "tags": {"rack": "1"}})
    assert {(stream.renames, stream.rewritten_tags) for stream in config.streams} == {((), ("host",))}
    assert why in config.streams[0].uncomputed
    Audit(config).started()
    (said,) = [record.getMessage() for record in caplog.records if "left out of the proof" in record.getMessage()]
    assert why in said

    (problem,) = files.refused(conf, *SPLIT)
    assert problem.startswith("sources[0].streams[0].tags: the stream is selected by host, and what that is in central")
    assert why in problem


def test_the_start_and_check_refuse_such_a_stream(
    files: Files, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    files.refused(REGEX + STARLARK, *SPLIT)
    for name, value in files.environment.items():
        monkeypatch.setenv(name, value)
    for arguments in (["--check"], ["check", "--telegraf-config", str(files.conf)], ["status"]):
        extra = [*arguments, "--config", str(files.queries)]
        assert main(extra) == 2
        assert "processors.starlark cannot be computed" in capfd.readouterr().err


def test_a_tag_that_is_made_of_another_cannot_be_selected_by(files: Files) -> None:
    rule = REGEX.replace('key = "host"', 'key = "name"\n    result_key = "host"')
    (problem,) = files.refused(rule, {"bucket": "b", "tags": {"host": "POD-8"}})
    assert "host is made of name" in problem


def test_two_streams_whose_hosts_get_one_name_are_refused_by_name(files: Files) -> None:
    def selected(*hosts: str, **more: Any) -> dict[str, Any]:
        return {"bucket": "b", "name": hosts[0], "tags": {"host": list(hosts)}, **more}

    (problem,) = files.refused(REGEX, selected("POD-8"), selected("web", "pod_8"))
    assert "host POD-8 and host pod_8 are both pod_8 in central (b)" in problem
    assert "POD-8 and this stream" in problem
    assert files.load(REGEX, selected("POD-8"), selected("POD-9"), selected("POD-8", "web", name="x"))
    assert files.load(REGEX, selected("POD-8", measurements=["a"]), selected("pod_8", measurements=["b"]))
    apart = {"host": ["POD-8"], "rack": ["1"]}, {"host": ["pod_8"], "rack": ["2"]}
    assert files.load(REGEX, *({"bucket": "b", "name": f"{n}", "tags": tags} for n, tags in enumerate(apart)))
    assert files.load(REGEX, {"bucket": "b", "tags": {"host": ["POD-8", "pod_8"]}})  # one stream: told point by point


def test_streams_of_one_bucket_that_give_different_names_one_name_are_refused(files: Files) -> None:
    cpu = {"bucket": "b", "name": "cpu", "measurements": ["cpu"], "rename": {"measurements": {"cpu": "x"}}}
    (problem,) = files.refused("", cpu, {"bucket": "b", "name": "x", "measurements": ["x"]})
    assert problem.startswith(
        "sources[0].streams[1].rename: measurements cpu and x are both x in central (b): cpu and this"
    )
    assert len(files.load("", cpu, {"bucket": "b", "name": "mem", "measurements": ["mem"]}).streams) == 2
