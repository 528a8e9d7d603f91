"""Faults of what servers answer and hold: refusals, cuts, delays, tokens, clocks, older files, emptied buckets.

`lab.chaos.faults` lists them.
"""

from __future__ import annotations

import contextlib
import random
import time

from lab.chaos.collector import STREAMS
from lab.chaos.proxy import Proxy
from lab.chaos.stage import CENTRAL, FIRST, NEWEST, NoEffect, Stage, duration
from lab.chaos.trouble import Rule, Scope, Trouble
from lab.influxd import InfluxServer
from lab.loopback import HttpRefused, open_url, wait_until
from lab.site import POD_8, POD_30

HIT_WAIT_S = 6.0  # how much longer a proxy's trouble may last until the first request meets it


# What central answers


def _troubled(stage: Stage, chance: random.Random, rule: Rule, proxy: Proxy | None = None) -> str:
    """Let `rule` be in force for a while and until a request has met it, by default in central's proxy."""
    with (proxy or stage.proxy).trouble(rule):
        stage.hold(duration(chance))
        if not rule.hits:
            rule.scope = Scope.ALL  # rather another request than none
        _wait_for_hit(stage, rule)
    if not rule.hits:
        raise NoEffect("no request came")
    return f"{rule.hits} requests, the last one {rule.last}"


def _wait_for_hit(stage: Stage, rule: Rule) -> None:
    deadline = time.monotonic() + HIT_WAIT_S
    while not rule.hits and time.monotonic() < deadline:
        stage.hold(0.1)


def answers(stage: Stage, chance: random.Random, status: str) -> str:
    """The proxy answers in central's place, to writes or to everything."""
    rule = Rule(Trouble.STATUS, chance.choice((Scope.WRITE, Scope.ALL)), int(status))
    return _troubled(stage, chance, rule)


def connections_cut(stage: Stage, chance: random.Random, where: str) -> str:
    """Cut in the middle of requests, or of replies."""
    if where == "request":
        return _troubled(stage, chance, Rule(Trouble.CUT_REQUEST, chance.choice((Scope.WRITE, Scope.ALL))))
    return _troubled(stage, chance, Rule(Trouble.CUT_REPLY, chance.choice((Scope.QUERY, Scope.ALL))))


def replies_lost(stage: Stage, chance: random.Random, _: str) -> str:
    """Central does what it is asked, and nobody hears of it."""
    return _troubled(stage, chance, Rule(Trouble.LOSE_REPLY, chance.choice((Scope.WRITE, Scope.ALL))))


def delays(stage: Stage, chance: random.Random, what: str) -> str:
    """Replies come late, or requests that the client gave up on land late, after newer ones."""
    if what == "reply":
        return _troubled(stage, chance, Rule(Trouble.DELAY_REPLY, Scope.ALL, seconds=chance.uniform(0.5, 4.0)))
    return _troubled(stage, chance, Rule(Trouble.LATE_REQUEST, Scope.WRITE, seconds=chance.uniform(0.5, 6.0)))


# What is in the servers


def token_revoked(stage: Stage, chance: random.Random, where: str) -> str:
    """A server refuses the collector's token, then takes it again.

    InfluxDB answers 401 to a token that was deleted, which cannot be undone: so here the proxy does. To one that is
    inactive it answers 403 to writes, 404 to queries, and 200 with an empty list of buckets.
    """
    if chance.random() < 0.5:
        proxy = stage.proxy if where == CENTRAL else stage.source_proxies[where]
        return f"deleted: {_troubled(stage, chance, Rule(Trouble.STATUS, Scope.ALL, 401), proxy)}"
    names = stage.site.buckets
    server, token, bucket = {
        POD_8: (stage.site.pod_8, stage.site.pod_8_token, names.telegraf),
        POD_30: (stage.site.pod_30, stage.site.pod_30_token, names.pods),
        CENTRAL: (stage.central, stage.site.central_token, names.metrics),
    }[where]
    server.set_active(token, False)
    try:
        status = _status_of_query(server, token, bucket)
        stage.hold(duration(chance))
    finally:
        server.set_active(token, True)
    if status < 400:
        raise NoEffect(f"a query got {status} while the token was inactive")
    return f"inactive: a query got {status} meanwhile, then {_status_of_query(server, token, bucket)}"


def _status_of_query(server: InfluxServer, token: str, bucket: str) -> int:
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/vnd.flux"}
    flux = f'from(bucket: "{bucket}") |> range(start: -1ms)'.encode()
    try:
        with open_url("POST", f"{server.url}/api/v2/query?org={server.org}", flux, headers) as reply:
            return reply.status
    except HttpRefused as error:
        return error.status


def central_put_back(stage: Stage, chance: random.Random, _: str) -> str:
    """Central gets an earlier copy of its files, while Telegraf holds lines; now and then the one without any data."""
    rule = Rule(Trouble.STATUS, Scope.WRITE, 503)
    every = [stream.bucket for stream in STREAMS]
    with stage.proxy.trouble(rule), stage.upheavals.of(every):
        _wait_for_hit(stage, rule)
        stage.hold(chance.uniform(0.3, 1.5))
        stage.central.kill()
        try:
            age = stage.put_central_back(FIRST if chance.random() < 0.3 else NEWEST)
        finally:
            stage.central.start()
    return f"{age:.0f} s back, {rule.hits} writes held meanwhile"


def bucket_emptied(stage: Stage, chance: random.Random, bucket: str) -> str:
    """Everything in one of central's buckets is deleted, the ledger with it."""
    before = count(stage.central, bucket)
    with stage.upheavals.of([bucket]):
        stage.central.empty_bucket(bucket)
    return f"{before} points deleted"


def count(server: InfluxServer, bucket: str) -> int:
    """About how many points a bucket holds: a field whose type changed counts with one of its types."""
    flux = f'from(bucket: "{bucket}") |> range(start: 0) |> group(columns: ["_measurement"]) |> count()'
    rows = (line.split(",") for line in server.query_csv(flux).splitlines() if line.startswith(","))
    return sum(int(cell) for row in rows for cell in row[3:] if cell.isdecimal())


def clock_ahead(stage: Stage, chance: random.Random, name: str) -> str:
    """A source tells a later time than it is, then the right one again."""
    proxy = stage.source_proxies[name]
    before = proxy.shifted
    proxy.date_shift_s = chance.uniform(20.0, 3600.0)
    seconds = proxy.date_shift_s
    try:
        stage.hold(chance.uniform(3.0, 5.0))
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: proxy.shifted > before or stage.ended.is_set(), "a shifted reply", HIT_WAIT_S)
    finally:
        proxy.date_shift_s = 0.0
    if proxy.shifted == before:
        raise NoEffect("no reply passed")
    return f"{seconds:.0f} s ahead in {proxy.shifted - before} replies"
