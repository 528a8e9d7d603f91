"""The kinds of fault. Each is a function that does it from begin to end and says how it is known to have happened.

A kind names the parts of the stage that it takes hold of: faults that overlap never share one. What a fault did is
undone in any case, also when the run is ended in the middle of it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.chaos.collector import STREAMS
from lab.chaos.proxy import Proxy, Rule, Scope, Trouble
from lab.chaos.stage import Stage
from lab.influxd import InfluxServer
from lab.loopback import HttpRefused, open_url, wait_until
from lab.process import alive
from lab.site import POD_8, POD_30

CENTRAL = "central"
HIT_WAIT_S = 6.0  # how much longer a proxy's trouble may last until the first request meets it


class NoEffect(Exception):
    """The fault did not happen, though nothing went wrong: no request came while the proxy waited for one."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `inject` gets the stage, the fault's own chance and one of `variants`."""

    name: str
    parts: frozenset[str]
    inject: Callable[[Stage, random.Random, str], str]
    variants: tuple[str, ...] = ("",)
    once: bool = False  # once in a run
    together: bool = False  # so long that the next fault never waits for its end


def _duration(chance: random.Random) -> float:
    return chance.triangular(0.3, 4.0, 1.0)


# Processes


def plugin_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL; Telegraf starts it again."""
    pid = stage.plugin_pid()
    os.kill(pid, signal.SIGKILL)
    return f"{pid} killed, {stage.plugin_pid(other_than=pid)} started"


def plugin_killed_again_and_again(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL soon after each start, while central refuses writes and answers queries."""
    pid = killed = 0
    rule = Rule(Trouble.STATUS, Scope.WRITE, chance.choice((429, 503)))
    with stage.proxy.trouble(rule):
        for _number in range(chance.randrange(3, 6)):
            pid = stage.plugin_pid(other_than=pid)
            stage.hold(chance.uniform(0.05, 1.5))
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return f"{killed} killed, {rule.hits} writes got {rule.status}"


def telegraf_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL, and started again."""
    pid = stage.telegraf.pid
    stage.telegraf.kill()
    try:
        stage.hold(_duration(chance) / 2)
    finally:
        stage.telegraf.start()
    return f"{pid} killed, {stage.telegraf.pid} started"


def _server_killed(stage: Stage, chance: random.Random, server: InfluxServer, copy: bool = False) -> str:
    server.kill()
    try:
        stage.hold(_duration(chance) / 2)
        if copy:
            stage.copy_central()
    finally:
        server.start()
    return f"killed and started{', its files copied' if copy else ''}"


def source_killed(stage: Stage, chance: random.Random, name: str) -> str:
    """SIGKILL, and started again."""
    return _server_killed(stage, chance, stage.source(name))


def central_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL, and started again; now and then its files are copied, to be put back later."""
    return _server_killed(stage, chance, stage.central, copy=chance.random() < 0.5)


def plugin_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT; Telegraf may be killed meanwhile, and the plugin then wakes as an orphan."""
    pid = stage.plugin_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        stage.hold(_duration(chance))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return f"{pid} stopped, {'and went on' if alive(pid) else 'and was ended'}"


def telegraf_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT."""
    stage.telegraf.pause()
    try:
        stage.hold(_duration(chance))
    finally:
        stage.telegraf.resume()
    return f"{stage.telegraf.pid} stopped, and went on"


def _server_stopped(stage: Stage, chance: random.Random, server: InfluxServer) -> str:
    server.pause()
    try:
        stage.hold(_duration(chance))
    finally:
        server.resume()
    return "stopped, and went on"


def source_stopped(stage: Stage, chance: random.Random, name: str) -> str:
    """SIGSTOP and SIGCONT."""
    return _server_stopped(stage, chance, stage.source(name))


def central_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT: what was asked meanwhile is done afterwards, whether anybody still waits for it or not."""
    return _server_stopped(stage, chance, stage.central)


def telegraf_reloaded(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGHUP: Telegraf empties its buffers and starts another plugin."""
    pid = stage.plugin_pid()
    stage.telegraf.reload()
    return f"plugin {pid} ended, {stage.plugin_pid(other_than=pid)} started"


def second_collector(stage: Stage, chance: random.Random, _: str) -> str:
    """Another Telegraf with another plugin copies the same for some seconds."""
    other = stage.second_collector()
    with other:
        pid = other.plugin_pid()
        stage.hold(chance.uniform(4.0, 7.0))
        if not alive(pid):
            raise NoEffect("the second plugin ended by itself")
        if chance.random() < 0.5:
            other.kill()
    return f"plugin {pid} ran beside the first"


# What central answers


def _troubled(stage: Stage, chance: random.Random, rule: Rule, proxy: Proxy | None = None) -> str:
    """Let `rule` be in force for a while, and until a request has met it; of central's proxy unless another is named."""
    with (proxy or stage.proxy).trouble(rule):
        stage.hold(_duration(chance))
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
        stage.hold(_duration(chance))
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
    """Central gets an earlier copy of its files, while Telegraf holds lines."""
    rule = Rule(Trouble.STATUS, Scope.WRITE, 503)
    with stage.proxy.trouble(rule):
        _wait_for_hit(stage, rule)
        stage.hold(chance.uniform(0.3, 1.5))
        stage.central.kill()
        try:
            age = stage.put_central_back()
        finally:
            stage.central.start()
    return f"{age:.0f} s back, {rule.hits} writes held meanwhile"


def bucket_emptied(stage: Stage, chance: random.Random, bucket: str) -> str:
    """Everything in one of central's buckets is deleted, the ledger with it."""
    before = count(stage.central, bucket)
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


def _kind(name: str, parts: str, inject: Callable[[Stage, random.Random, str], str], *variants: str) -> Kind:
    return Kind(name, frozenset(parts.split()), inject, variants or ("",))


KINDS = (
    _kind("plugin killed", "plugin telegraf", plugin_killed),
    _kind("plugin killed again and again, writes refused", "plugin telegraf proxy", plugin_killed_again_and_again),
    _kind("Telegraf killed", "telegraf", telegraf_killed),
    _kind("source killed", "source", source_killed, POD_8, POD_30),
    _kind("central killed", "central", central_killed),
    _kind("plugin stopped", "plugin", plugin_stopped),
    _kind("Telegraf stopped", "telegraf", telegraf_stopped),
    _kind("source stopped", "source", source_stopped, POD_8, POD_30),
    _kind("central stopped", "central", central_stopped),
    _kind("answered 429, 500, 503", "proxy", answers, "429", "500", "503"),
    _kind("answered 400, 404", "proxy", answers, "400", "404"),
    _kind("connections cut", "proxy", connections_cut, "request", "reply"),
    _kind("replies lost", "proxy", replies_lost),
    _kind("delayed", "proxy", delays, "reply", "request"),
    _kind("token revoked", "source central", token_revoked, POD_8, POD_30, CENTRAL),
    _kind("Telegraf reloaded", "plugin telegraf", telegraf_reloaded),
    _kind("central put back", "central proxy telegraf", central_put_back),
    _kind("bucket emptied", "central", bucket_emptied, *(stream.bucket for stream in STREAMS)),
    Kind("second collector", frozenset({"second"}), second_collector, together=True),
    Kind("source's clock ahead", frozenset({"clock"}), clock_ahead, (POD_8, POD_30), once=True, together=True),
)
