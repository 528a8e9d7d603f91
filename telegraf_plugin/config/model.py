"""What the plugin runs with: the configuration after validation, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from telegraf_plugin.config.shards import Shard
from telegraf_plugin.files import UnfitFile, read_bounded
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.flow import DEFAULT_MAX_BYTES
from telegraf_plugin.transport import STRAIGHT, Transport

MIN_TOKEN_BYTES = 8
"""A shorter one would be guessed, and could not be blotted out of a log without hitting ordinary words."""
MAX_TOKEN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, or the file that holds it; neither shows in a repr."""

    token: str | None = field(repr=False, default=None)
    file: Path | None = None

    def read(self) -> str:
        """Return the token; from its file, where there is one, as it is now.

        Raises ValueError, which says what is wrong and never what the token or the file holds.
        """
        if self.file is None:
            return _checked(self.token or "", "the token")
        try:
            content = read_bounded(self.file, MAX_TOKEN_BYTES).decode("ascii")
        except UnfitFile as unfit:
            raise ValueError(f"the token file {self.file} {unfit}") from None
        except OSError as error:
            raise ValueError(f"the token file {self.file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"the token file {self.file} does not hold a token: it is not ASCII text") from None
        return _checked(content, f"the token file {self.file}")


def _checked(content: str, where: str) -> str:
    """Return the one token in `content`: as a header's value it must be a single printable word."""
    token = content.strip()
    if not token:
        raise ValueError(f"{where} is empty")
    if len(token) < MIN_TOKEN_BYTES:
        raise ValueError(f"{where} is too short to be one: fewer than {MIN_TOKEN_BYTES} characters")
    if len(token) > MAX_TOKEN_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"{where} is not one word of printable ASCII on one line")
    return token


@dataclass(frozen=True, slots=True)
class Server:
    """How an InfluxDB is reached, and in which language it is asked for points."""

    url: str
    org: str
    credential: Credential
    transport: Transport = STRAIGHT
    read: ReadWay = ReadWay.AUTO


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds in seconds: to connect, between two pieces of a reply, and for a reply as a whole."""

    connect: float
    read: float
    query: float


@dataclass(frozen=True, slots=True)
class Source:
    """One InfluxDB that is read: at most `concurrent_queries` at a time."""

    name: str
    server: Server
    streams: tuple[StreamDefinition, ...]
    concurrent_queries: int
    timeouts: Timeouts


@dataclass(frozen=True, slots=True)
class Config:
    """All of queries.yaml.

    `metrics_bucket`: central's bucket for the plugin's own metrics. `max_in_flight`: lines that may be on their way to
    one of central's buckets, known neither to have arrived nor to be lost; `max_in_flight_bytes`: what they may take.
    `sweep`: the part of the time (0 to 1) in which what is proved is compared again. `shard`: whose share
    `sources` are, where they are not all of the file's.
    """

    central: Server
    sources: tuple[Source, ...]
    metrics_bucket: str
    max_in_flight: int
    sweep: float
    max_in_flight_bytes: int = DEFAULT_MAX_BYTES
    shard: Shard | None = None

    def share(self, shard: Shard | None) -> Config:
        """Return it with the sources of that shard alone; with all of them for None."""
        if shard is None:
            return self
        return replace(self, sources=tuple(each for each in self.sources if shard.takes(each.name)), shard=shard)

    @property
    def streams(self) -> tuple[StreamDefinition, ...]:
        """The streams of all sources, in the file's order."""
        return tuple(stream for source in self.sources for stream in source.streams)
