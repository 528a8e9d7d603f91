"""A ledger of an older collector is adopted as it is, whatever `read` says: no stream begins anew because of it.

Configuration, hashes and marks stand here as the collector of before InfluxQL wrote them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_plugin.config.load import load
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.definition import ReadWay
from telegraf_plugin.stream.ledger import Mark
from tests.unit.course_bench import T, at, s, seconds

QUERIES = """
central: {url: "http://central:8086", org: central, token: "${TOKEN}"READ}
sources:
  - name: POD-1
    url: "http://pod-1:8086"
    org: pod
    token: "${TOKEN}"
    READ_OF_SOURCE
    streams:
      - {bucket: telegraf, name: system, measurements: [cpu, mem], exclude_fields: [guest], tags: {host: POD-1}}
      - {bucket: telegraf, name: whole}
      - {bucket: power, aggregate: {every: 1m, fn: mean}}
"""
HASHES = ["887b8e78aab716ed", "255abe92d77bff3a", "e6a4002d38ca03a8"]


def old_mark(definition: str) -> dict[str, str]:
    """A mark's fields as they are read back: proved from 1000 to 100 seconds ago."""
    empty = dict.fromkeys(("base", "printed", "held", "request", "sent", "islands", "sweep", "searching"), "")
    return empty | {
        "format": "1",
        "id": f"{s(-50)}@0123abcd",
        "incarnation": "0123abcd",
        "definition": definition,
        "origin": f"{s(-1000)}",
        "began": f"{s(-900)}",
        "proved": f"{s(-1000)}/{s(-400)}",
    }


@pytest.mark.parametrize("way", [None, *ReadWay], ids=str)
def test_no_stream_begins_anew(tmp_path: Path, way: ReadWay | None) -> None:
    file = tmp_path / "queries.yaml"
    read = f"read: {way.value}" if way is not None else ""
    file.write_text(QUERIES.replace("READ_OF_SOURCE", read).replace("READ", f", {read}" if read else ""))
    config = load(file, {"TOKEN": "secret-token"})
    assert [source.server.read for source in config.sources] == [way or ReadWay.AUTO]
    assert config.central.read is (way or ReadWay.AUTO)
    assert [stream.hash for stream in config.streams] == HASHES
    for stream in config.streams:
        account = Account(stream, "me")
        account.adopt(Mark.read(old_mark(stream.hash)), None, T, at(0))
        assert (account.course.origin, account.began) == (s(-1000) - s(-1000) % stream.unit, s(-900))  # whole windows
        assert seconds(account.course.work(at(0)))[-1] == (-400, 0)
