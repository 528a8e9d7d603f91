"""What the collector is given when it is measured: queries.yaml, and Telegraf's renaming as shipped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.influxd import InfluxServer

RENAME = r"""
[[processors.regex]]
  [[processors.regex.tags]]
    key = "host"
    pattern = '^POD-(\d+)$'
    replacement = "pod_${1}"
"""
CENTRAL = """
central: {{url: "{url}", org: {org}, token: "${{CENTRAL_TOKEN}}"}}
metadata_tags: [{tags}]
sources:
"""
SOURCE = """  - name: {name}
    url: "{url}"
    org: {org}
    token: "${{{variable}}}"
    read: {read}
    streams:
"""


def stream(bucket: str, keys: str) -> str:
    """Return one stream of a source: its bucket and its further keys."""
    return f'      - {{bucket: "{bucket}", {keys}}}\n'


def queries(
    central: InfluxServer, sources: Sequence[tuple[str, InfluxServer, Iterable[str]]], wide: bool, read: str
) -> str:
    """Return queries.yaml: each source's name, server and streams; `wide` without the tag `field`.

    Tokens are in CENTRAL_TOKEN and, of the first source, in SOURCE_TOKEN, of the others in SOURCE_TOKEN_1 and so on.
    """
    parts = [CENTRAL.format(url=central.url, org=central.org, tags="host, source_bucket" + ("" if wide else ", field"))]
    for number, (name, server, streams) in enumerate(sources):
        variable = f"SOURCE_TOKEN_{number}" if number else "SOURCE_TOKEN"
        parts.append(SOURCE.format(name=name, url=server.url, org=server.org, variable=variable, read=read))
        parts += streams
    return "".join(parts)
