"""`python -m lab.demo`: two sources, the collector as shipped, and central, live on this machine.

In: DEMO_SECONDS from the environment, whole seconds that the collector runs before the verdict; unset: until
Ctrl-C, without a verdict; SHARDS, how many collectors share the sources; unset: one reads all. Out: exit status 0
(every check passed, or ended by Ctrl-C when no verdict was asked for), 1 (a check failed, or a program ended by
itself), 2 (something is missing to begin with), 130 (ended before the verdict).
"""

from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from lab import screen
from lab.checks import Check, verdict
from lab.engines import REPOSITORY, EnginesMissing
from lab.feed import Pod30Feeder, machine_agent
from lab.loopback import HttpRefused, free_port
from lab.points import BadReply
from lab.process import ProcessEnded
from lab.site import Site
from lab.telegraf import TelegrafProcess
from telegraf_plugin.config.dotenv import quoted
from telegraf_plugin.config.load import load
from telegraf_plugin.errors import ConfigurationError

INTERVAL_S = 5
LOGS = ("telegraf.log", "collector.log")  # Telegraf's, and the plugin's own
# What was written so long ago has been read by two cycles and flushed by Telegraf, also on a busy machine.
SETTLE_S = 20
# Telegraf takes some seconds to start, and there has to be something in front of SETTLE_S to compare.
SHORTEST_S = 40
# A slow machine may be a cycle late; what is not there by then is not coming.
GRACE_S = 30
AS_SHIPPED = "the demo has the two sources that are shipped, and no others; take a fresh clone for it"


# There are two sources: with more shards, some have nothing to do, which can be looked at, too.
MOST_SHARDS = 8


class CannotBegin(RuntimeError):
    """Something that the demo needs is not there."""


@dataclass(frozen=True)
class Stage:
    """Everything the demo has started."""

    site: Site
    feeder: Pod30Feeder
    collectors: tuple[TelegrafProcess, ...]
    health_ports: tuple[int, ...]
    start_ns: int


def main() -> int:
    """Run the demo; the exit status."""
    # A pipe has no width; the default of 80 would fold every line of the verdict.
    console = Console(width=None if sys.stdout.isatty() else 140)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A flag and no exception: nothing that was just started can slip out of its context.
        signal.signal(number, lambda *_: ended.set())
    try:
        seconds = _seconds(os.environ.get("DEMO_SECONDS", ""))
        shards = _shards(os.environ.get("SHARDS", ""))
        _look_for_the_collector()
        with ExitStack() as stack:
            stage = _set_up(stack, shards, console)
            status = _run(stage, seconds, console, ended)
            console.print("ending everything that was started ...")
        return status
    except (CannotBegin, EnginesMissing) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return 2
    except (ProcessEnded, TimeoutError) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return 1


def _seconds(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) < SHORTEST_S:
        raise CannotBegin(f"DEMO_SECONDS is {text!r}: whole seconds, at least {SHORTEST_S}, or unset for no end")
    return int(text)


def _shards(text: str) -> int:
    if text and (not text.isdecimal() or not 1 <= int(text) <= MOST_SHARDS):
        raise CannotBegin(
            f"SHARDS is {text!r}: from 1 to {MOST_SHARDS} collectors that share the sources, or unset for one"
        )
    return int(text or "1")


def _look_for_the_collector() -> None:
    for name in ("telegraf.conf", "config/queries.yaml"):
        if not (REPOSITORY / name).is_file():
            raise CannotBegin(f"{name} is missing")
    if not (Path(sys.executable).parent / "data-collector").is_file():
        raise CannotBegin("data-collector is not installed in this Python's environment: run make demo")


def _look_at_the_sources(queries: Path, environment: Mapping[str, str]) -> None:
    """Look whether the file can be used with the demo's own variables. Raises CannotBegin."""
    try:
        config = load(queries, environment)
    except ConfigurationError as error:
        raise CannotBegin(f"{error}; {AS_SHIPPED}") from None
    if more := sorted({source.name for source in config.sources} - {"POD-8", "POD-30"}):
        raise CannotBegin(f"{queries}: reads {', '.join(more)} as well; {AS_SHIPPED}")


def _set_up(stack: ExitStack, shards: int, console: Console) -> Stage:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-demo-")))
    logs = [_logs(folder, console, name) for name in _names(shards)]
    console.print("starting POD-8, POD-30 and central ...")
    site = stack.enter_context(Site())
    start_ns = time.time_ns()
    stack.enter_context(machine_agent(site.pod_8, site.buckets.telegraf, folder))
    feeder = stack.enter_context(Pod30Feeder(site.pod_30, site.buckets.power, site.buckets.pods))
    ports = tuple(free_port() for _ in logs)
    collectors = []
    for number, (port, log) in enumerate(zip(ports, logs, strict=True), 1):
        # telegraf.conf and config/queries.yaml of the repository as they are: the environment alone steers them.
        environment = site.environment(INTERVAL_S, port)
        _look_at_the_sources(REPOSITORY / "config" / "queries.yaml", environment)
        if shards > 1:
            environment["COLLECTOR_SHARD"] = f"{number}/{shards}"
        cwd = _place(folder, log, f"collector-{number}")
        collector = TelegrafProcess(cwd / "telegraf.conf", environment, cwd, log_file=log / LOGS[0])
        collectors.append(stack.enter_context(collector))
    _say_where_to_look(site, ports, folder, logs, console)
    return Stage(site, feeder, tuple(collectors), ports, start_ns)


def _names(shards: int) -> list[str]:
    """The folders in `logs/demo` for the logs of so many collectors; one has no folder of its own."""
    return [f"shard-{number}" for number in range(1, shards + 1)] if shards > 1 else [""]


def _logs(folder: Path, console: Console, name: str = "") -> Path:
    """Where a collector's logs of this run go, empty: `logs/demo`, as `logs` is the log of a collector in the clone.

    `name` is the folder in it. The demo's own `folder` when `docker compose up` has given `logs` away.
    """
    logs = REPOSITORY / "logs" / "demo" / name
    try:
        logs.mkdir(parents=True, exist_ok=True)
        for log in LOGS:
            (logs / log).unlink(missing_ok=True)
            (logs / log).touch()
    except OSError as error:
        there = next(place for place in (logs, *logs.parents) if place.exists())
        own = folder / name
        own.mkdir(exist_ok=True)
        console.print(f"{logs} cannot be written ({error.strerror}; {there} belongs to user {there.stat().st_uid},")
        console.print(f"    as docker compose leaves it): the logs of this run are in {own} until the demo ends;")
        console.print("    sudo chown -R $USER logs mends it")
        return own
    return logs


def _place(folder: Path, logs: Path, name: str = "collector") -> Path:
    """Return a folder for a collector to run in: the repository's files, and `logs` where `logs` says."""
    made = folder / name
    made.mkdir()
    for file in ("telegraf.conf", "config"):
        (made / file).symlink_to(REPOSITORY / file)
    (made / "logs").symlink_to(logs)
    return made


def _say_where_to_look(site: Site, ports: tuple[int, ...], folder: Path, logs: list[Path], console: Console) -> None:
    names = site.buckets
    buckets = (names.telegraf, names.power, names.pods, names.metrics)
    token = folder / "central.token"
    token.touch(mode=0o600)
    token.write_text(site.central.token_for(read=buckets))
    variables = folder / "demo.env"
    variables.touch(mode=0o600)
    # Without a shard: commands speak of all sources.
    environment = site.environment(INTERVAL_S, ports[0])
    variables.write_text("".join(f"{name}={quoted(value)}\n" for name, value in environment.items()))
    lines = [
        f"POD-8    {site.pod_8.url}   org {site.pod_8.org}, bucket {names.telegraf} (this machine, measured)",
        f"POD-30   {site.pod_30.url}   org {site.pod_30.org}, buckets {names.power}, {names.pods} (made up)",
        f"central  {site.central.url}   org {site.central.org}, buckets {', '.join(buckets)}",
    ]
    for number, (port, log) in enumerate(zip(ports, logs, strict=True), 1):
        lines += [f"shard    {number}/{len(ports)}"] if len(ports) > 1 else []
        lines.append(f"health   http://localhost:{port}/health")
        lines.append(f"logs     {', '.join(str(log / name) for name in LOGS)}")
    lines += [
        f"tokens   made on the spot, good for this run; one that reads central: {token}",
        f"commands .venv/bin/data-collector status --env-file {variables}",
        f"look     curl -s '{site.central.url}/api/v2/query?org={site.central.org}' \\",
        f'           -H "Authorization: Token $(cat {token})" -H "Content-Type: application/vnd.flux" \\',
        f'           -d \'from(bucket: "{names.telegraf}") |> range(start: -1m)'
        ' |> filter(fn: (r) => r.host == "pod_8")\'',
        "",
    ]
    console.print(escape("\n".join(lines)), highlight=False, soft_wrap=True)


def _run(stage: Stage, seconds: int | None, console: Console, ended: threading.Event) -> int:
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for shot, title in _looks(stage, deadline, 1.0, ended):
                live.update(screen.render(shot, title), refresh=True)
    else:
        for shot, title in _looks(stage, deadline, INTERVAL_S, ended):
            print(screen.plain(shot, title), flush=True)
    if seconds is None:
        return 0
    checks = [] if ended.is_set() else _verdict(stage, console, ended)
    if ended.is_set():
        return 130
    console.print(screen.verdict_table(checks))
    if all(check.passed for check in checks):
        console.print("every check passed", style="green")
        return 0
    console.print("not every check passed", style="bold red")
    return 1


def _looks(
    stage: Stage, deadline: float, every_s: float, ended: threading.Event
) -> Iterator[tuple[screen.Snapshot, str]]:
    """A look and its title every `every_s` seconds until the monotonic `deadline` or the end.

    Raises ProcessEnded when a collector's Telegraf ends by itself.
    """
    while not ended.is_set() and time.monotonic() < deadline:
        for collector in stage.collectors:
            if not collector.running:
                raise ProcessEnded(f"Telegraf ended ({collector.exit_status}):\n{collector.log_tail()}")
        shot = screen.look(stage.site, stage.health_ports, time.time_ns())
        if stage.feeder.error is not None:
            shot.error = f"{shot.error} feeder of POD-30: {stage.feeder.error}".strip()
        left = "until Ctrl-C" if math.isinf(deadline) else f"verdict in {deadline - time.monotonic():.0f} s"
        yield shot, f"what arrives in central, every {INTERVAL_S} s, {left}"
        ended.wait(min(every_s, max(0.0, deadline - time.monotonic())))


def _verdict(stage: Stage, console: Console, ended: threading.Event) -> list[Check]:
    """The checks on everything up to SETTLE_S ago; asked again for GRACE_S seconds while one fails."""
    stop_ns = time.time_ns() - SETTLE_S * 10**9
    until = time.monotonic() + GRACE_S
    while True:
        try:
            checks = verdict(stage.site, stage.health_ports, stage.start_ns, stop_ns)
        except (OSError, HTTPException, HttpRefused, BadReply) as error:
            checks = [Check("demo", "both sides can be read", False, str(error), "are all three servers up?")]
        if all(check.passed for check in checks) or time.monotonic() >= until or ended.is_set():
            return checks
        failed = sum(not check.passed for check in checks)
        console.print(f"{failed} checks do not pass yet; again in {INTERVAL_S} s")
        ended.wait(INTERVAL_S)


if __name__ == "__main__":
    sys.exit(main())
