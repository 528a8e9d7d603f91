"""The kinds of fault. Each is a function that does it from begin to end and says how it is known to have happened.

A kind names the parts of the stage that it takes hold of: faults that overlap never share one. What a fault did is
undone in any case, also when the run is ended in the middle of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from lab.chaos import kafka_faults as kafka
from lab.chaos import process_faults as process
from lab.chaos import server_faults as server
from lab.chaos.collector import STREAMS
from lab.chaos.stage import CENTRAL, Stage
from lab.site import POD_8, POD_30


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `inject` gets the stage, the fault's own chance and one of `variants`."""

    name: str
    parts: frozenset[str]
    inject: Callable[[Stage, random.Random, str], str]
    variants: tuple[str, ...] = ("",)
    once: bool = False  # once in a run
    together: bool = False  # so long that the next fault never waits for its end
    refills: bool = False  # central forgets what was proved, and has to be filled again


def _kind(
    name: str, parts: str, inject: Callable[[Stage, random.Random, str], str], *variants: str, refills: bool = False
) -> Kind:
    return Kind(name, frozenset(parts.split()), inject, variants or ("",), refills=refills)


KINDS = (
    _kind("plugin killed", "plugin telegraf", process.plugin_killed),
    _kind(
        "plugin killed again and again, writes refused",
        "plugin telegraf proxy",
        process.plugin_killed_again_and_again,
    ),
    _kind("Telegraf killed", "telegraf", process.telegraf_killed),
    _kind("source killed", "source", process.source_killed, POD_8, POD_30),
    _kind("central killed", "central", process.central_killed),
    _kind("plugin stopped", "plugin", process.plugin_stopped),
    _kind("Telegraf stopped", "telegraf", process.telegraf_stopped),
    _kind("source stopped", "source", process.source_stopped, POD_8, POD_30),
    _kind("central stopped", "central", process.central_stopped),
    _kind("answered 429, 500, 503", "proxy", server.answers, "429", "500", "503"),
    _kind("answered 400, 404", "proxy", server.answers, "400", "404"),
    _kind("connections cut", "proxy", server.connections_cut, "request", "reply"),
    _kind("replies lost", "proxy", server.replies_lost),
    _kind("delayed", "proxy", server.delays, "reply", "request"),
    _kind("token revoked", "source central", server.token_revoked, POD_8, POD_30, CENTRAL),
    _kind("Telegraf reloaded", "plugin telegraf", process.telegraf_reloaded),
    _kind("central put back", "central proxy telegraf plugin", server.central_put_back, refills=True),
    _kind("bucket emptied", "central", server.bucket_emptied, *(stream.bucket for stream in STREAMS), refills=True),
    Kind("second collector", frozenset({"second"}), process.second_collector, together=True),
    Kind(
        "source's clock ahead",
        frozenset({"clock"}),
        server.clock_ahead,
        (POD_8, POD_30),
        once=True,
        together=True,
    ),
)

OVER_KAFKA = (
    *KINDS,
    _kind("broker killed", "broker", kafka.broker_killed),
    _kind("broker stopped", "broker", kafka.broker_stopped),
    _kind("reader killed", "reader", kafka.reader_killed),
    _kind("reader stopped", "reader", kafka.reader_stopped),
    Kind("second reader", frozenset({"readers"}), kafka.second_reader, together=True),
    _kind("messages delivered again", "broker reader readers", kafka.delivered_again),
    _kind("messages gone unread", "broker reader readers", kafka.messages_gone),
)
"""Where lines go over Kafka: those of all other parts, and Kafka's own."""


def kinds_over(over: str) -> tuple[Kind, ...]:
    """The kinds of a run whose lines go straight to central, or `over` "kafka". Raises ValueError for another way."""
    if over not in ("", "kafka"):
        raise ValueError(f"OVER is kafka or nothing, not {over}")
    return OVER_KAFKA if over else KINDS
