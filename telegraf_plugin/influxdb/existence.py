"""Flux for whether there is any point at all in a span, however long it is: empty time costs next to nothing. Pure."""

from __future__ import annotations

from telegraf_plugin.influxdb.flux import Query


def any_query(points: Query) -> Query:
    """Return the query for the time of some point that the query `points` finds, if it finds one.

    InfluxDB answers it by a block a series, where `points` filters by what its storage knows.
    """
    steps = ["first()", 'keep(columns: ["_time"])', "group()", "limit(n: 1)"]
    return Query("\n  |> ".join([points.text, *steps]), points.parameters)
