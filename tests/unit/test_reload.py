"""A changed queries.yaml: taken over when it says something else that can be used, refused with its reasons else."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from telegraf_plugin.config.reader_process import Settings
from telegraf_plugin.config.shards import Shard, by_shard
from telegraf_plugin.config.watched_file import ConfigFile
from telegraf_plugin.settings import read

DOCUMENT: dict[str, Any] = {
    "central": {"url": "http://central:8086", "org": "o", "token": "${CENTRAL}"},
    "sources": [
        {"name": "POD-1", "url": "http://pod-1:8086", "org": "o", "token": "${POD}", "streams": [{"bucket": "b"}]}
    ],
}
ENVIRONMENT = {"CENTRAL": "a-token-of-central", "POD": "a-token-of-pod-1"}


class File:
    """queries.yaml, and what looks at it; each writing has a time of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writings = 0
        self.write(DOCUMENT)
        self.file = ConfigFile(path, ENVIRONMENT, read(path, ENVIRONMENT), read=read)

    def write(self, document: Any) -> None:
        self.path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
        self.writings += 1
        os.utime(self.path, (self.writings, self.writings))


@pytest.fixture
def file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> File:
    caplog.set_level(logging.INFO)
    return File(tmp_path / "queries.yaml")


def test_a_file_that_nobody_touched_is_not_changed(file: File, caplog: pytest.LogCaptureFixture) -> None:
    assert not file.file.changed()
    assert not caplog.records


def test_another_configuration_is_taken_over(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.write(DOCUMENT | {"max_in_flight": 20_000})
    assert file.file.changed()
    assert "the new configuration is taken over" in caplog.text
    assert not file.file.changed()


def test_the_same_one_written_again_is_not(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.write("# a comment\n" + yaml.safe_dump(DOCUMENT))
    assert not file.file.changed()
    assert "says what it said before" in caplog.text


def test_one_that_cannot_be_used_is_refused_once_with_all_reasons(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.write(DOCUMENT | {"max_in_flight": 1, "sweep": "often"})
    for _ in range(3):
        assert not file.file.changed()
    problems = [record.getMessage() for record in caplog.records if "is refused" in record.getMessage()]
    assert len(problems) == 2
    assert "max_in_flight" in problems[0] + problems[1]
    assert "what it said before goes on" in caplog.text
    assert "restarted" not in caplog.text
    file.write(DOCUMENT | {"max_in_flight": 20_000})  # corrected
    assert file.file.changed()


def test_a_variable_that_telegraf_was_started_without_needs_a_restart(
    file: File, caplog: pytest.LogCaptureFixture
) -> None:
    file.write(yaml.safe_dump(DOCUMENT).replace("url: http://pod-1:8086", "url: ${SERVER_C_URL}"))
    assert not file.file.changed()
    assert "SERVER_C_URL is not set; set it in .env" in caplog.text
    assert caplog.text.count("; a variable that is new in .env counts when the collector is restarted") == 1


@pytest.mark.parametrize("text", ["", "sources: [", "\0", "- a"])
def test_one_that_is_being_written_is_refused(file: File, text: str) -> None:
    file.write(text)
    assert not file.file.changed()
    file.write(DOCUMENT)
    assert not file.file.changed()


def test_a_file_that_is_gone_is_refused_until_it_is_back(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.path.unlink()
    assert not file.file.changed()
    assert not file.file.changed()
    assert caplog.text.count("is refused") == 1
    file.write(DOCUMENT | {"sweep": "1%"})
    assert file.file.changed()


def test_no_token_is_told(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.write(yaml.safe_dump(DOCUMENT).replace("url: http://pod-1", "url: ftp://pod-1"))
    assert not file.file.changed()
    assert "sources[0].url" in caplog.text
    assert "a-token" not in caplog.text


def test_with_other_processors_it_waits_for_telegraf(
    file: File, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Telegraf takes telegraf.conf over when it is restarted: until then it renames as before."""
    conf = tmp_path / "telegraf.conf"
    conf.write_text("[[processors.regex]]\n")
    environment = ENVIRONMENT | {"TELEGRAF_CONFIG_PATH": str(conf)}
    looked = ConfigFile(file.path, environment, read(file.path, environment), read=read)
    conf.write_text("[[processors.regex]]\n[[outputs.discard]]\n")
    file.write(DOCUMENT | {"max_in_flight": 20_000})
    assert looked.changed()
    conf.write_text("[[processors.printer]]\n")
    file.write(DOCUMENT | {"max_in_flight": 30_000})
    assert not looked.changed()
    assert "telegraf.conf's processors too, which Telegraf takes over when it is restarted" in caplog.text


def test_of_a_shard_only_its_own_sources_are_taken_over(file: File, caplog: pytest.LogCaptureFixture) -> None:
    pod = DOCUMENT["sources"][0]
    here, there = by_shard([f"POD-{number}" for number in range(20)], 2).values()

    def names(*sources: str) -> dict[str, Any]:
        return DOCUMENT | {"sources": [pod | {"name": name, "streams": [{"bucket": name}]} for name in sources]}

    file.write(names(here[0], there[0]))
    looked = ConfigFile(file.path, ENVIRONMENT, read(file.path, ENVIRONMENT), Shard(1, 2), read)
    file.write(names(here[0], there[0], there[1]))
    assert not looked.changed()
    assert "says of the sources of shard 1/2 what it said before" in caplog.text
    file.write(names(here[0], here[1], there[0]))
    assert looked.changed()


def test_one_written_while_it_was_read_is_taken_over(file: File) -> None:
    found = read(file.path, ENVIRONMENT)
    file.write(DOCUMENT | {"max_in_flight": 20_000})
    assert ConfigFile(file.path, ENVIRONMENT, found, read=read).changed()


def test_one_that_nobody_can_read_now_is_read_on_the_next_tick(file: File, caplog: pytest.LogCaptureFixture) -> None:
    failures = [OSError("no process")]

    def reading(path: Path, environment: Mapping[str, str]) -> Settings:
        if failures:
            raise failures.pop()
        return read(path, environment)

    looked = ConfigFile(file.path, ENVIRONMENT, read(file.path, ENVIRONMENT), read=reading)
    file.write(DOCUMENT | {"max_in_flight": 20_000})
    assert not looked.changed()
    assert "cannot be read: no process; it is tried again on the next tick" in caplog.text
    assert looked.changed()
