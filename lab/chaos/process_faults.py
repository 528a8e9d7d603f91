"""Faults of processes: killed, stopped, reloaded, or two where one should be. `lab.chaos.faults` lists them."""

from __future__ import annotations

import contextlib
import os
import random
import signal

from lab.chaos.stage import NoEffect, Stage, duration
from lab.chaos.trouble import Rule, Scope, Trouble
from lab.influxd import InfluxServer
from lab.process import Process, alive


def plugin_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL; Telegraf starts it again."""
    telegraf = stage.telegraf
    pid = stage.plugin_pid(telegraf)
    os.kill(pid, signal.SIGKILL)
    return f"{pid} killed, {stage.plugin_pid(telegraf, other_than=pid)} started"


def plugin_killed_again_and_again(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL soon after each start, while central refuses writes and answers queries."""
    telegraf = stage.telegraf
    pid = killed = 0
    rule = Rule(Trouble.STATUS, Scope.WRITE, chance.choice((429, 503)))
    with stage.proxy.trouble(rule):
        for _number in range(chance.randrange(3, 6)):
            pid = stage.plugin_pid(telegraf, other_than=pid)
            stage.hold(chance.uniform(0.05, 1.5))
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return f"{killed} killed, {rule.hits} writes got {rule.status}"


def killed(stage: Stage, chance: random.Random, process: Process) -> str:
    """SIGKILL, and started again."""
    pid = process.pid
    process.kill()
    try:
        stage.hold(duration(chance) / 2)
    finally:
        process.start()
    return f"{pid} killed, {process.pid} started"


def stopped(stage: Stage, chance: random.Random, process: Process) -> str:
    """SIGSTOP and SIGCONT."""
    process.pause()
    try:
        stage.hold(duration(chance))
    finally:
        process.resume()
    return f"{process.pid} stopped, and went on"


def telegraf_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL, and started again."""
    return killed(stage, chance, stage.telegraf)


def _server_killed(stage: Stage, chance: random.Random, server: InfluxServer, copy: bool = False) -> str:
    server.kill()
    try:
        stage.hold(duration(chance) / 2)
        if copy:
            stage.copy_central()
    finally:
        server.start()
    return f"killed and started{', its files copied' if copy else ''}"


def source_killed(stage: Stage, chance: random.Random, name: str) -> str:
    """SIGKILL, and started again."""
    return _server_killed(stage, chance, stage.source(name))


def central_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL, and started again; meanwhile its files are copied, if they are to be put back later."""
    return _server_killed(stage, chance, stage.central, copy=stage.refills)


def plugin_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT; Telegraf may be killed meanwhile, and the plugin then wakes as an orphan."""
    telegraf = stage.telegraf
    pid = stage.plugin_pid(telegraf)
    os.kill(pid, signal.SIGSTOP)
    try:
        stage.hold(duration(chance))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return f"{pid} stopped, {'and went on' if alive(pid) else 'and was ended'}"


def telegraf_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT."""
    return stopped(stage, chance, stage.telegraf)


def _server_stopped(stage: Stage, chance: random.Random, server: InfluxServer) -> str:
    server.pause()
    try:
        stage.hold(duration(chance))
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
    telegraf = stage.telegraf
    pid = stage.plugin_pid(telegraf)
    telegraf.reload()
    return f"plugin {pid} ended, {stage.plugin_pid(telegraf, other_than=pid)} started"


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
