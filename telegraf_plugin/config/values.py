"""What a value in queries.yaml may be: how each kind of it is read, and its form for an editor.

Each says its form as JSON Schema beside it (`text`): config/queries.schema.json is made of that.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from telegraf_plugin.config.durations import parse_duration
from telegraf_plugin.config.instants import unix_ns
from telegraf_plugin.stream.definition import Start
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.units import SECOND

MAX_SWEEP_PERCENT = 50
MIN_IN_FLIGHT = 10_000
"""Lines: a reply's chunk makes up to some 1,600, and a quarter of it lies between two marks."""

RANGES = {
    "concurrent_queries": (1, 16),
    "max_in_flight": (MIN_IN_FLIGHT, 10_000_000),
    "max_points_per_second": (100, 100_000_000),
}
"""What a whole number may be, by its key."""

MIN_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_BYTES = 16 << 20, 16 << 30
"""What is encoded at a time takes some 1 MiB, a string of the longest some two."""


def text(pattern: str) -> WithJsonSchema:
    """Return how an editor sees text of that `pattern` (JavaScript's expressions, which the whole text must fit)."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"})


def _name(text: str) -> str:
    if text != text.strip():
        raise ValueError("expected text that does not begin or end with a space")
    if not text or not text.isprintable():
        raise ValueError("expected text without control characters and not empty")
    return text


def _plain_name(text: str) -> str:
    if "/" in text:
        raise ValueError("expected a name without a slash: it is written source/stream")
    return _name(text)


def _part(text: str) -> str:
    if "/" in text:
        raise ValueError("expected a name without a slash: database and retention policy are two keys")
    return _name(text)


def _user(text: str) -> str:
    if ":" in text:
        raise ValueError("expected a name without a colon: none can be sent")
    return _name(text)


def _url(text: str) -> str:
    expected = "expected http://host:port or https://host:port"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        raise ValueError(expected)
    try:
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
    if not port_fits:
        raise ValueError(f"{expected}; a port is a number from 1 to 65535")
    if parts.username is not None or any(sign in text for sign in "?#@ ") or parts.hostname != parts.hostname.strip():
        raise ValueError(f"{expected}, without user, password or query")
    # The scheme in small letters: what TLS and proxies are chosen by.
    return parts.scheme + text[len(parts.scheme) :].rstrip("/")


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", text):
        raise ValueError("expected the name or the address in the certificate, without scheme and port")
    return text


def _duration(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("expected a duration such as 30s, 5m or 1h30m")
    return parse_duration(value)


_DURATION = r"(?=.*[1-9])([0-9]{1,18}(ns|us|µs|ms|s|m|h|d|w))+"
Name = Annotated[str, AfterValidator(_name), text(r"\S(.*\S)?")]
PlainName = Annotated[str, AfterValidator(_plain_name), text(r"[^\s/]([^/\n]*[^\s/])?")]
Part = Annotated[str, AfterValidator(_part), text(r"[^\s/]([^/\n]*[^\s/])?")]
User = Annotated[str, AfterValidator(_user), text(r"[^\s:]([^:\n]*[^\s:])?")]
_ADDRESS = r"[Hh][Tt][Tt][Pp][Ss]?://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(:0*[1-9][0-9]{0,4})?(/[^\s?#@]*)?"
Url = Annotated[str, AfterValidator(_url), text(_ADDRESS)]
Duration = Annotated[int, BeforeValidator(_duration), text(_DURATION)]


def _as_list(value: object) -> object:
    if not isinstance(value, str | list):
        raise ValueError("expected text; write it in quotes")
    return [value] if isinstance(value, str) else value


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected the path of a file, in quotes")
    return Path(value)


def _lookback(duration: int) -> int:
    if duration < SECOND or duration % 1_000_000:
        raise ValueError("expected one second or more, in whole milliseconds")
    if duration > parse_duration("31d"):
        raise ValueError("expected 31d at most: nothing younger than it is proved, and all of that is compared later")
    return duration


def _share(value: object) -> float:
    """Read a part of the time: `2%`."""
    match = re.fullmatch(r"(\d{1,2}(?:\.\d{1,3})?) ?%", value) if isinstance(value, str) else None
    if match is None or float(match[1]) > MAX_SWEEP_PERCENT:
        raise ValueError(f"expected a part of the time from 0% to {MAX_SWEEP_PERCENT}%")
    return float(match[1]) / 100


def _size(value: object) -> int:
    """Read a number of bytes: `64MiB`."""
    match = re.fullmatch(r"(\d{1,7}) ?(KiB|MiB|GiB)", value) if isinstance(value, str) else None
    size = int(match[1]) << {"KiB": 10, "MiB": 20, "GiB": 30}[match[2]] if match is not None else 0
    if not MIN_IN_FLIGHT_BYTES <= size <= MAX_IN_FLIGHT_BYTES:
        raise ValueError("expected a size from 16MiB to 16GiB, such as 64MiB")
    return size


def _start(value: object) -> Start:
    """Read `-5m`, a date, or `earliest`."""
    expected = "expected how long ago (-5m), a date (2026-11-24 or 2026-11-24T10:00:00Z, in quotes), or earliest"
    if value == "earliest":
        return Start()
    if not isinstance(value, str):
        raise ValueError(expected)
    if value.startswith("-"):
        return Start(ago=parse_duration(value[1:]))
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(expected) from None
    return Start(date=unix_ns(date if date.tzinfo is not None else date.replace(tzinfo=UTC)))


def within(key: str) -> Any:
    """Return the bounds of a key that is a whole number."""
    low, high = RANGES[key]
    return Field(ge=low, le=high)


File = Annotated[Path, BeforeValidator(_path), text(".+")]
Lookback = Annotated[Duration, AfterValidator(_lookback), text(_DURATION)]
Share = Annotated[float, BeforeValidator(_share), text(r"[0-9]{1,2}(\.[0-9]{1,3})? ?%")]
Size = Annotated[int, BeforeValidator(_size), text("[0-9]{1,7} ?(KiB|MiB|GiB)")]
Beginning = Annotated[Start, BeforeValidator(_start), text(rf"earliest|-{_DURATION}|[12][0-9]{{3}}-?[0-9WT].*")]
Token = Annotated[SecretStr, text(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")]
Host = Annotated[str, AfterValidator(_host), text("[A-Za-z0-9._:-]+")]
Names = Annotated[list[Name], Field(min_length=1)]
NamesOrOne = Annotated[Names, BeforeValidator(_as_list, json_schema_input_type=Names | Name)]
MetadataTags = list[Annotated[MetadataTag, Field(strict=False)]]


def _source_bucket_stays(tags: MetadataTags) -> MetadataTags:
    if MetadataTag.SOURCE_BUCKET not in tags:
        raise ValueError("expected source_bucket among them: telegraf.conf routes by it")
    if len(set(tags)) != len(tags):
        raise ValueError("expected each tag once")
    return tags


_HOLDS_IT = {"contains": {"enum": [MetadataTag.SOURCE_BUCKET.value]}, "uniqueItems": True}
RoutableTags = Annotated[MetadataTags, AfterValidator(_source_bucket_stays), Field(json_schema_extra=_HOLDS_IT)]
