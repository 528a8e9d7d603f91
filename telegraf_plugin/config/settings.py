"""The settings: the environment, completed by `.env`, and what follows from both; in one place for all who need it.

The start script, the commands and the plugin by hand all begin with `settings`. A variable that is set already wins
over `.env`: what the shell or the service manager says comes first. Which file:

    --env-file, else COLLECTOR_ENV_FILE (empty: none), else `.env` beside queries.yaml, or beside its folder `config`
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from telegraf_plugin.config import shards, standby
from telegraf_plugin.config.dotenv import NotDotenv, decoded, parsed
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.stream.units import SECOND

NAME = ".env"
ENV_FILE = "COLLECTOR_ENV_FILE"
QUERIES = "COLLECTOR_QUERIES"
SECRETS = "COLLECTOR_SECRETS"
MAX_BYTES = 64 * 1024
"""A site's settings take some 2,000."""
DEFAULT_INTERVAL = 60
MAX_INTERVAL = 86_400
"""Seconds between two ticks."""
SHORTEST_SILENCE = 10
"""Seconds; with a shorter one health would flap."""
LEVELS = {"DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARN", "WARNING": "WARN", "ERROR": "ERROR"}
"""What LOG_LEVEL may be, and what Telegraf calls it."""
WITH_DEFAULT = ("COLLECTOR_INTERVAL", "HEALTH_CHECK_PORT", "LOG_LEVEL")
"""Settings that may be left out: telegraf.conf has the same defaults."""
QUERIES_OF_TOKEN_FILES = Path("config/queries.secrets.yaml")
"""What was read where tokens are files, before one file did for both ways. Where it is, it still is read."""
_TOKEN = re.compile(r"(?:INFLUXDB_CENTRAL|SERVER_[A-Z0-9_]+)_(?:TOKEN|PASSWORD)")
_CENTRAL_TOKEN = "INFLUXDB_CENTRAL_TOKEN"  # noqa: S105 (a variable's name)
_REFERENCE = "@{secrets:central_token}"
"""What Telegraf resolves by its secret store (config/secrets.conf) when it sends."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds: `environment` (it has secrets), the `file` that was read, and what it sets differently in vain.

    `sought`: where a file was looked for, when there is none.
    """

    environment: Mapping[str, str] = field(repr=False)
    file: Path | None = None
    overruled: tuple[str, ...] = ()
    sought: tuple[Path, ...] = ()


def settings(environment: Mapping[str, str], env_file: Path | None = None, queries: Path | None = None) -> Settings:
    """Return `environment` completed by the file `env_file`, or by the one that belongs to the file `queries`.

    Raises ConfigurationError with all that is wrong in the file, by line, and without its values.
    """
    named = env_file
    if named is None and ENV_FILE in environment:
        if not environment[ENV_FILE]:
            return Settings(dict(environment))
        named = Path(environment[ENV_FILE])
    sought = () if named else places(queries or Path(environment.get(QUERIES) or "config/queries.yaml"))
    file = named or next((place for place in sought if place.exists()), None)
    if file is None:
        return Settings(dict(environment), sought=sought)
    found = read(file)
    overruled = tuple(name for name, value in found.items() if environment.get(name, value) != value)
    return Settings({**found, **environment}, file, overruled)


def places(queries: Path) -> tuple[Path, ...]:
    """Return where the `.env` of a queries.yaml may be, the first one first."""
    folder = queries.parent
    beside = [folder / NAME]
    if folder.name == "config":
        beside.append(folder.parent / NAME)
    return tuple(beside)


def read(file: Path) -> dict[str, str]:
    """Return the variables that `file` sets. Raises ConfigurationError."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigurationError(str(file), [Problem("", f"is larger than {MAX_BYTES:,} bytes")])
        return parsed(decoded(content))
    except OSError as error:
        raise ConfigurationError(str(file), [Problem("", f"cannot be read: {error.strerror}")]) from None
    except NotDotenv as error:
        raise ConfigurationError(str(file), error.problems) from None


def silence(interval_ns: int) -> int:
    """Return for how long (ns) the plugin may say nothing, at one tick each `interval_ns`: two and a half of them.

    In whole seconds, as Telegraf's durations are written.
    """
    return max(interval_ns * 5 // 2 // SECOND, SHORTEST_SILENCE) * SECOND


def derived(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with what follows from it for Telegraf, the plugin and the commands.

    COLLECTOR_INTERVAL, HEALTH_CHECK_PORT and HEALTH_MAX_SILENCE unless set; Telegraf's name of LOG_LEVEL; and with
    COLLECTOR_SECRETS its absolute path, and the reference by which Telegraf reads central's token; and the older
    queries.secrets.yaml, where there is one.
    What `problems` refuses stays as it is.
    """
    made = dict(environment)
    level = made.get("LOG_LEVEL") or "INFO"
    made["LOG_LEVEL"] = LEVELS.get(level.upper(), level)
    for name, default in (("COLLECTOR_INTERVAL", str(DEFAULT_INTERVAL)), ("HEALTH_CHECK_PORT", "5000")):
        made[name] = made.get(name) or default
    interval = _whole(made["COLLECTOR_INTERVAL"], MAX_INTERVAL)
    if not made.get("HEALTH_MAX_SILENCE") and interval:
        made["HEALTH_MAX_SILENCE"] = f"{silence(interval * SECOND) // SECOND}s"
    if made.get(SECRETS):
        made[SECRETS] = _absolute(made[SECRETS])
        if not made.get(QUERIES) and QUERIES_OF_TOKEN_FILES.exists():
            made[QUERIES] = str(QUERIES_OF_TOKEN_FILES)
        made[_CENTRAL_TOKEN] = made.get(_CENTRAL_TOKEN) or _REFERENCE
    return made


def outdated(environment: Mapping[str, str]) -> str:
    """Return what is to be said of an older queries.secrets.yaml that `derived` takes; empty where it takes none."""
    if not environment.get(SECRETS) or environment.get(QUERIES) or not QUERIES_OF_TOKEN_FILES.exists():
        return ""
    return (
        f"{QUERIES_OF_TOKEN_FILES} is read, and config/queries.yaml is not: it does for token files as well by now; "
        f"bring it up to date, then remove {QUERIES_OF_TOKEN_FILES}"
    )


def problems(environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the variables that no file asks for by name; no value of a token is in it."""
    interval = environment.get("COLLECTOR_INTERVAL") or str(DEFAULT_INTERVAL)
    if not _whole(interval, MAX_INTERVAL):
        yield Problem("COLLECTOR_INTERVAL", f"expected whole seconds from 1 to {MAX_INTERVAL}, found {interval!r}")
    port = environment.get("HEALTH_CHECK_PORT") or "5000"
    if not _whole(port, 65535):
        yield Problem("HEALTH_CHECK_PORT", f"expected a port from 1 to 65535, found {port!r}")
    if (environment.get("LOG_LEVEL") or "INFO").upper() not in LEVELS:
        yield Problem("LOG_LEVEL", f"expected one of {', '.join(LEVELS)}")
    for setting in (shards, standby):
        try:
            setting.of(environment)
        except ValueError as error:
            yield Problem(setting.VARIABLE, str(error))
    if environment.get(SECRETS):
        yield from _secrets(environment, Path(environment[SECRETS]))


def _secrets(environment: Mapping[str, str], folder: Path) -> Iterator[Problem]:
    for name, value in sorted(environment.items()):
        # What holds nothing but a reference is no secret.
        if _TOKEN.fullmatch(name) and value and not value.startswith("@{"):
            yield Problem(name, f"set although {SECRETS} is: empty it in {NAME}, its file is enough")
    token = folder / "central_token"
    try:
        content = token.read_bytes()[:MAX_BYTES]
    except OSError as error:
        who = f" by user {os.getuid()}" if isinstance(error, PermissionError) else ""
        yield Problem(SECRETS, f"{token} cannot be read{who}: {error.strerror}")
        return
    if not content:
        yield Problem(SECRETS, f"{token} is empty")
    elif b"\n" in content:
        # Telegraf would send the newline too, and no request would leave.
        yield Problem(SECRETS, f"{token} ends with a newline: write it with printf %s")


def _absolute(folder: str) -> str:
    """Return the path of `folder` as Telegraf takes it: another is "directory traversal" to its secret store."""
    path = Path(folder).absolute()
    plain = path.resolve() if ".." in path.parts else path  # what a link leads to may change: it stays one else
    return "/" + str(plain).lstrip("/")


def _whole(text: str, most: int) -> int:
    """Return the whole number from 1 to `most` that `text` is written as; 0 for anything else."""
    number = int(text) if re.fullmatch(r"[1-9][0-9]{0,9}", text) else 0
    return number if number <= most else 0
