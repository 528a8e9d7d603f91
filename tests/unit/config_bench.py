"""queries.yaml for tests: a base to write keys under, an environment, and how it is loaded or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from telegraf_plugin.config import Config
from telegraf_plugin.config.load import load
from telegraf_plugin.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
CASES = sorted((Path(__file__).parent / "config_cases").glob("*.bad.yaml"))
SECRET = "swordfish"  # what the cases write where a token or a password would stand
CENTRAL_TOKEN, POD_TOKEN, FILE_TOKEN = "central-token-1", "pod-token-22", "file-token-333"
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
QUICK = 10.0
"""Seconds of processor time that a bad file may take; a bomb would take for ever."""

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
