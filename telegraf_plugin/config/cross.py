"""What is wrong across keys of queries.yaml, found in the raw file, so that it is told together with wrong forms. Pure.

Raw means: nothing is known of the values' types; what is not of the expected form is another check's to report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from telegraf_plugin.config.yaml_file import shown
from telegraf_plugin.errors import Problem

_TLS = ("tls_ca", "tls_cert", "tls_key", "tls_server_name", "insecure_skip_verify")
_FLUX_TEXT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*', re.DOTALL)
"""A string or a comment of Flux."""
DEFAULT_POLICY = "autogen"
"""What InfluxDB 1.x calls the retention policy that it makes with a database."""
LOGIN = ("username", "password", "password_file")
DATABASE = ("database", "retention_policy")
"""Keys of a source, and of a stream, that tell an InfluxDB 1.x."""
FILTERS = ("measurements", "exclude_fields", "tags", "aggregate")


def cross_check(raw: Any) -> Iterator[Problem]:
    """Yield tokens that are none or two, TLS without https, names that stand twice, unknown templates, unfit Flux."""
    file = raw if isinstance(raw, dict) else {}
    templates = _mapping(file.get("templates"))
    sources = _entries(file.get("sources"))
    servers = [("central", file.get("central")), *((f"sources[{n}]", source) for n, source in sources)]
    for path, server in servers:
        if isinstance(server, dict):
            yield from _login(path, server) if path != "central" and is_v1(server) else _token(path, server)
            yield from _tls(path, server)
    yield from _twice([(f"sources[{n}].name", s.get("name")) for n, s in sources], "source")
    for number, source in sources:
        streams = [(f"sources[{number}].streams[{n}]", stream) for n, stream in _entries(source.get("streams"))]
        yield from _twice([(f"{path}.name", _name(stream)) for path, stream in streams], "stream of this source")
        for path, stream in streams:
            template = stream.get("template")
            if isinstance(template, str) and template not in templates:
                known = ", ".join(sorted(map(str, templates))) or "none"
                yield Problem(f"{path}.template", f"no template is called {template!r}; there are: {known}")
            chosen = {**_mapping(templates.get(template)), **stream} if isinstance(template, str) else stream
            yield from _flux(path, chosen)
            yield from _rename(path, chosen)


def is_v1(source: dict[str, Any]) -> bool:
    """Say whether a raw source is an InfluxDB 1.x: it has a user, or a stream of it a database."""
    streams = [stream for _, stream in _entries(source.get("streams"))]
    return any(key in source for key in LOGIN) or any(key in stream for stream in streams for key in DATABASE)


def _token(path: str, server: dict[str, Any]) -> Iterator[Problem]:
    if ("token" in server) == ("token_file" in server):
        yield Problem(path, "expected either token or token_file")
    if path == "central":
        return  # its other keys are needed by its form
    if "org" not in server:
        yield Problem(f"{path}.org", "is missing")
    for number, stream in _entries(server.get("streams")):
        if "bucket" not in stream:
            yield Problem(f"{path}.streams[{number}].bucket", "is missing")


def _login(path: str, server: dict[str, Any]) -> Iterator[Problem]:
    """Yield what does not belong to an InfluxDB 1.x, and what it lacks."""
    for key in ("org", "token", "token_file"):
        if key in server:
            text = "expected without org, token and token_file: username, or a stream's database, tells an InfluxDB 1.x"
            yield Problem(f"{path}.{key}", text)
    passwords = [key for key in ("password", "password_file") if key in server]
    if "username" in server and len(passwords) != 1:
        yield Problem(path, "expected either password or password_file with username")
    elif passwords and "username" not in server:
        yield Problem(f"{path}.{passwords[0]}", "expected with username")
    for number, stream in _entries(server.get("streams")):
        at = f"{path}.streams[{number}]"
        if "bucket" in stream:
            yield Problem(f"{at}.bucket", "expected database and retention_policy in place of it: InfluxDB 1.x")
        if "database" not in stream:
            yield Problem(f"{at}.database", "is missing: InfluxDB 1.x has no buckets")


def bucket_of(stream: dict[str, Any]) -> Any:
    """Return the bucket of a raw stream, which for InfluxDB 1.x is `database/retention_policy`."""
    database, policy = stream.get("database"), stream.get("retention_policy", DEFAULT_POLICY)
    return f"{database}/{policy}" if isinstance(database, str) and isinstance(policy, str) else stream.get("bucket")


def _tls(path: str, server: dict[str, Any]) -> Iterator[Problem]:
    url, given = server.get("url"), [key for key in _TLS if server.get(key, False) is not False]
    if isinstance(url, str) and url.lower().startswith("http:"):
        yield from (Problem(f"{path}.{key}", "expected only with an https:// url") for key in given)
    elif ("tls_cert" in server) != ("tls_key" in server):
        yield Problem(f"{path}.{'tls_cert' if 'tls_cert' in server else 'tls_key'}", "expected tls_cert with tls_key")


def _flux(path: str, chosen: dict[str, Any]) -> Iterator[Problem]:
    flux = chosen.get("flux")
    if not isinstance(flux, str) or not flux:
        return
    if any(chosen.get(key) is not None for key in FILTERS):
        yield Problem(f"{path}.flux", f"expected without {', '.join(FILTERS)}: the query filters")
    # What is called start or stop, not what is: an argument's name (range(start: -1h)), a column (r.start), a string.
    used = set(re.findall(r"(?<![\w.])(start|stop)\b(?!\s*:)", _FLUX_TEXT.sub('""', flux)))
    if used != {"start", "stop"}:
        text = "expected |> range(start: start, stop: stop) in it, not times of its own: the collector sets both"
        yield Problem(f"{path}.flux", text)


def _rename(path: str, chosen: dict[str, Any]) -> Iterator[Problem]:
    """Yield names that are given another one though they are not read, and such as are taken by what is read too."""
    rename = _mapping(chosen.get("rename"))
    read, left_out = chosen.get("measurements"), chosen.get("exclude_fields")
    names = _mapping(rename.get("measurements"))
    if isinstance(read, list) and read:
        for old, new in names.items():
            if isinstance(old, str) and old not in read:
                yield Problem(f"{path}.rename.measurements.{shown(old)}", "is not among the stream's measurements")
            elif isinstance(new, str) and new in read and new not in names:
                text = f"{new} is read as well, and the two would be one in central; give one of them another name"
                yield Problem(f"{path}.rename.measurements.{shown(old)}", text)
    for old in _mapping(rename.get("fields")):
        if isinstance(left_out, list) and old in left_out:
            yield Problem(f"{path}.rename.fields.{shown(old)}", "is left out by exclude_fields")


def _twice(names: list[tuple[str, Any]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, name in names:
        if isinstance(name, str) and name in seen:
            yield Problem(path, f"another {what} is called {name!r} already; give each its own name")
        elif isinstance(name, str) and name:
            seen.add(name)


def _name(stream: dict[str, Any]) -> Any:
    bucket = bucket_of(stream)
    return stream.get("name") or (bucket.replace("/", "_") if isinstance(bucket, str) else None)


def _entries(value: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(n, entry) for n, entry in enumerate(value) if isinstance(entry, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
