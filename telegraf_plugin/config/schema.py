"""The form of queries.yaml: every key, its type and its default. Unknown keys and wrong types are refused by name.

What a key means stands in config/queries.yaml, beside the key, and in docs/configuration.md.
config/queries.schema.json, for editors, is made of this.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from telegraf_plugin.config.cross import DEFAULT_POLICY
from telegraf_plugin.config.durations import parse_duration
from telegraf_plugin.config.forms import SERVER_FORM, SOURCE_FORM, STREAM_FORM, WITHOUT_FILTERS
from telegraf_plugin.config.quiet import QuietSpans, Zone
from telegraf_plugin.config.values import (
    Beginning,
    Duration,
    File,
    Host,
    Lookback,
    Name,
    Names,
    NamesOrOne,
    Part,
    PlainName,
    RoutableTags,
    Share,
    Size,
    Token,
    Url,
    User,
    within,
)
from telegraf_plugin.stream.definition import AggregateFunction, ReadWay
from telegraf_plugin.stream.flow import DEFAULT_MAX_BYTES
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.names import OWN
from telegraf_plugin.transport import Compression

OWN_NAMES = frozenset(OWN)


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSection(_Section):
    """How an InfluxDB is reached: the keys that `central` and each source share."""

    model_config = ConfigDict(json_schema_extra=SERVER_FORM)
    url: Url
    org: Name
    token: Token | None = None
    token_file: File | None = None
    tls_ca: File | None = None
    tls_cert: File | None = None
    tls_key: File | None = None
    tls_server_name: Host | None = None
    insecure_skip_verify: bool = False
    compression: Annotated[Compression, Field(strict=False)] = Compression.AUTO
    read: Annotated[ReadWay, Field(strict=False)] = ReadWay.AUTO


class AggregateSection(_Section):
    """`aggregate` of a stream."""

    every: Duration
    fn: Annotated[AggregateFunction, Field(strict=False)]


def _distinct(names: dict[str, str]) -> dict[str, str]:
    for new in names.values():
        olds = [old for old, other in names.items() if other == new]
        if len(olds) > 1:
            raise ValueError(f"expected each new name once: {olds[0]} and {olds[1]} would be one in central")
    return names


def _no_own(names: dict[str, str]) -> dict[str, str]:
    if own := sorted(OWN_NAMES & set(names.values())):
        raise ValueError(f"expected another name than {own[0]}: it is the collector's own, and never data")
    return names


def _no_time(names: dict[str, str]) -> dict[str, str]:
    if "time" in names.values():
        raise ValueError("expected another name than time: InfluxDB takes no field called so")
    return names


NewNames = Annotated[dict[Name, Name], AfterValidator(_distinct)]


class RenameSection(_Section):
    """`rename` of a stream."""

    measurements: Annotated[NewNames, AfterValidator(_no_own)] = {}
    fields: Annotated[NewNames, AfterValidator(_no_time)] = {}


class SelectionSection(_Section):
    """The keys that a template and a stream share."""

    model_config = ConfigDict(json_schema_extra=WITHOUT_FILTERS)
    measurements: Names | None = None
    exclude_fields: Names | None = None
    tags: dict[Name, NamesOrOne] | None = None
    aggregate: AggregateSection | None = None
    rename: RenameSection | None = None
    flux: Annotated[str, Field(min_length=1)] | None = None
    lookback: Lookback | None = None
    start: Beginning | None = None
    max_lag: Duration | None = None
    metadata_tags: RoutableTags | None = None


class StreamSection(SelectionSection):
    """An entry of a source's `streams`: of a bucket, or of a database of InfluxDB 1.x."""

    model_config = ConfigDict(json_schema_extra={**WITHOUT_FILTERS, **STREAM_FORM})
    bucket: Name | None = None
    database: Part | None = None
    retention_policy: Part = DEFAULT_POLICY
    name: PlainName | None = None
    template: Name | None = None
    central_bucket: Name | None = None


class TimeoutsSection(_Section):
    """`timeouts` of a source."""

    connect: Duration = parse_duration("5s")
    read: Duration = parse_duration("15s")
    query: Duration = parse_duration("5m")


class QuietHoursSection(_Section):
    """`quiet_hours` of a source."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    zone: Zone
    hours: QuietSpans


class SourceSection(ServerSection):
    """An entry of `sources`: an InfluxDB 2 with org and token, or an InfluxDB 1.x, whose streams have a `database`."""

    model_config = ConfigDict(json_schema_extra=SOURCE_FORM)
    org: Name | None = None  # type: ignore[assignment]
    username: User | None = None
    password: Token | None = None
    password_file: File | None = None
    name: PlainName
    streams: Annotated[list[StreamSection], Field(min_length=1)]
    concurrent_queries: Annotated[int, within("concurrent_queries")] = 1
    timeouts: TimeoutsSection = TimeoutsSection()
    max_points_per_second: Annotated[int | None, within("max_points_per_second")] = None
    quiet_hours: QuietHoursSection | None = None


class CentralSection(ServerSection):
    """`central`: where the lines land, and where the ledger is."""

    metrics_bucket: Name = "metrics"


class QueriesFile(_Section):
    """The whole of queries.yaml."""

    central: CentralSection
    max_in_flight: Annotated[int, within("max_in_flight")] = 100_000
    max_in_flight_size: Size = DEFAULT_MAX_BYTES
    rewritten_tags: list[Name] = ["host"]
    sweep: Share = 0.02
    sources: Annotated[list[SourceSection], Field(min_length=1)]
    templates: dict[Name, SelectionSection] = {}
    metadata_tags: RoutableTags = [MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD]
