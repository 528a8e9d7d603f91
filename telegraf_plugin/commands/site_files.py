"""The files that name a site, on disk: read, shown as a diff, tried out, written with a backup beside each."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import unified_diff
from itertools import chain, count
from pathlib import Path

from telegraf_plugin import lint
from telegraf_plugin.commands.check import SECRETS_CONF
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.telegraf_program import CannotCheck, complaints, telegraf_program
from telegraf_plugin.config import Config, Credential, Login
from telegraf_plugin.config.dotenv import quoted
from telegraf_plugin.config.settings import ENV_FILE, SECRETS
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.files import UnfitFile, read_text
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.finding import Finding
from telegraf_plugin.lint.telegraf_conf import MAX_BYTES, TelegrafConf
from telegraf_plugin.sites import settings_text
from telegraf_plugin.sites.files import Files

COMPOSE_SECRETS = "docker-compose.secrets.yaml"
_IN_THE_CONTAINER = "/run/secrets"
"""Where Compose mounts the tokens, of which the host has the files."""
_BOM = "\ufeff"
_WRITTEN_OUT = re.compile(r"""(?mi)^(\s*"?(?:token|password|authorization)"?\s*=\s*["'])(?![$@]\{)[^"'\n]+(["'])""")
"""A token in telegraf.conf that is no reference."""
_WHERE = "run it where the files are, on the host, as a user who may write them"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files are: `settings` is `.env`, None where none was read; `compose` likewise."""

    queries: Path
    telegraf: Path
    settings: Path | None
    compose: Path | None

    def files(self) -> list[tuple[str, Path | None]]:
        """Return each file's name in `Files` with its place, in the order in which they are shown and written.

        queries.yaml is last: a collector that runs looks at it on each tick.
        """
        return [
            ("settings", self.settings),
            ("compose", self.compose),
            ("telegraf", self.telegraf),
            ("queries", self.queries),
        ]


@dataclass(frozen=True, slots=True)
class Workplace:
    """The files as they are, at their `place`, and what they say by `environment`.

    `compose`: the tokens are Compose's files; `token_folder`: where tokens are files, None where they are not.
    """

    place: Place
    files: Files
    environment: Mapping[str, str]
    config: Config
    conf: TelegrafConf
    compose: bool
    token_folder: Path | None


def opened(queries: Path, telegraf: Path, environment: Mapping[str, str]) -> Workplace:
    """Read all files by `environment`, which is completed by `.env`. Raises ConfigurationError, Unusable."""
    env_file = environment.get(ENV_FILE)
    compose = COMPOSE_SECRETS in environment.get("COMPOSE_FILE", "")
    beside = telegraf.parent / COMPOSE_SECRETS
    place = Place(
        queries, telegraf, Path(env_file) if env_file else None, beside if compose and beside.exists() else None
    )
    texts = {name: _read(file) if file is not None else None for name, file in place.files()}
    files = Files(texts["queries"] or "", texts["telegraf"] or "", texts["settings"], texts["compose"])
    conf = lint.read(telegraf, environment)
    folder = environment.get(SECRETS)
    if compose and folder in (None, "", _IN_THE_CONTAINER):
        folder = str(telegraf.parent / "secrets")
    token_folder = Path(folder) if folder else None
    return Workplace(place, files, environment, files.config(queries, environment), conf, compose, token_folder)


def _read(file: Path) -> str:
    try:
        return read_text(file, MAX_BYTES).removeprefix(_BOM)
    except UnfitFile as unfit:
        raise ConfigurationError(str(file), [Problem("", str(unfit))]) from None


def diff(place: Place, before: Files, after: Files) -> str:
    """Return what changes, file by file, as a unified diff; what tokens there are is left out."""
    return "".join(
        text for name, file in place.files() if file is not None for text in _diff(name, file, before, after)
    )


def _diff(name: str, file: Path, before: Files, after: Files) -> Iterator[str]:
    old, new = (getattr(files, name) or "" for files in (before, after))
    if name == "settings":
        old, new = settings_text.shown(old), settings_text.shown(new)
    if name == "telegraf":
        old, new = _WRITTEN_OUT.sub(r"\1[token]\2", old), _WRITTEN_OUT.sub(r"\1[token]\2", new)
    around = 0 if name == "settings" else 2  # a secret may stand there under any name
    lines = unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), str(file), str(file), n=around)
    for line in lines:
        yield line.replace("\r\n", "\n") if line.endswith("\n") else f"{line}\n"


def tried(work: Workplace, after: Files, environment: Mapping[str, str]) -> None:
    """Look at the files as they are to be: nothing is found in them that was not there before.

    Raises Unusable when something is, ConfigurationError when they could not be used.
    """
    config, conf = after.config(work.place.queries, environment), after.conf(environment)
    if problems := renames.check(renames.with_renames(config, conf)):
        raise ConfigurationError(str(work.place.queries), problems)
    known = {_what(finding) for finding in lint.lint(work.config, work.conf, work.config.max_in_flight)}
    for finding in lint.lint(config, conf, config.max_in_flight):
        if not finding.hint and _what(finding) not in known:
            raise Unusable(f"nothing was written: data-collector check would say {finding.key}: {finding.why}")
    now = _complaints(after, work, environment)
    if now and (told := [line for line in now if line not in _complaints(work.files, work)]):
        raise Unusable(f"nothing was written: Telegraf would say of telegraf.conf: {told[0]}")


def _complaints(files: Files, work: Workplace, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return what Telegraf says against telegraf.conf as `files` have it; nothing where it cannot be asked."""
    program = telegraf_program()
    if program is None:
        return []
    with tempfile.TemporaryDirectory(prefix="data-collector-") as folder:
        conf = Path(folder, "telegraf.conf")
        conf.write_text(files.telegraf, encoding="utf-8", newline="")
        together = [SECRETS_CONF, conf] if work.environment.get(SECRETS) and SECRETS_CONF.exists() else [conf]
        with suppress(CannotCheck):  # `check` says that
            return complaints(program, together, environment or work.environment)
    return []


def _what(finding: Finding) -> tuple[str, str]:
    return finding.key, finding.why


def written(place: Place, before: Files, after: Files, now: datetime) -> list[Path]:
    """Write what has changed, with a backup beside each file, called by `now`; return the backups.

    Raises Unusable, before anything is written, where a file may not be.
    """
    changed = [
        (file, getattr(before, name), getattr(after, name))
        for name, file in place.files()
        if file is not None and getattr(before, name) != getattr(after, name)
    ]
    for file, _, _ in changed:
        if not os.access(file, os.W_OK) or not os.access(file.resolve().parent, os.W_OK):
            raise Unusable(f"{file} and its folder cannot be written by user {os.getuid()}: {_WHERE}")
    for file, old, _ in changed:
        if _read(file) != old:
            raise Unusable(f"{file} was changed meanwhile: say it again")
    backups = [_backup(file, now) for file, _, _ in changed]
    for file, _, text in changed:
        _write(file, text)
    return backups


def _backup(file: Path, now: datetime) -> Path:
    """Copy `file`, with its rights, and return the copy."""
    names = (
        f"{file.name}.{now.astimezone(UTC):%Y%m%dT%H%M%SZ}{more}.bak"
        for more in chain([""], map("-{}".format, count(2)))
    )
    backup = next(place for name in names if not (place := file.with_name(name)).exists())
    try:
        descriptor = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # .env has tokens
        with os.fdopen(descriptor, "wb") as copy:
            copy.write(file.read_bytes())
            os.fsync(copy.fileno())
        shutil.copymode(file, backup)
    except OSError as error:
        raise Unusable(f"{backup} cannot be written: {error.strerror}; nothing was changed") from None
    return backup


def _write(file: Path, text: str) -> None:
    """Write `text` into `file`.

    queries.yaml is replaced as a whole, as a collector that runs looks at it on each tick; the others stay the same
    files, since telegraf.conf may be mounted by itself.
    """
    file = file.resolve()
    bom = file.read_bytes().startswith(_BOM.encode())
    content = ((_BOM if bom else "") + text).encode()
    try:
        if file.suffix == ".yaml":
            _replace(file, content)
            return
        with file.open("r+b", buffering=0) as held:
            held.write(content)
            held.truncate()
            os.fsync(held.fileno())
    except OSError as error:
        raise Unusable(f"{file} cannot be written: {error.strerror}; its backup is beside it") from None


def _replace(file: Path, content: bytes) -> None:
    found = file.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as held:
            held.write(content)
            os.fchmod(held.fileno(), found.st_mode & 0o777)
            if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(held.fileno(), found.st_uid, found.st_gid)
            os.fsync(held.fileno())
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def token_from(file: Path) -> str:
    """Return the token that `file` holds, `-` being standard input. Raises Unusable."""
    try:
        if str(file) == "-":
            return Credential(token=sys.stdin.readline()).read()
        return Credential(file=file).read()
    except ValueError as error:
        raise Unusable(str(error)) from None


def password_from(file: Path) -> str:
    """Return the password that `file` holds, `-` being standard input. Raises Unusable."""
    try:
        login = Login("x", sys.stdin.readline()) if str(file) == "-" else Login("x", file=file)
        return login.read().removeprefix("x:")
    except ValueError as error:
        raise Unusable(str(error)) from None


def with_token(files: Files, name: str, token: str) -> Files:
    """Return the files whose `.env` gives the variable `name` the `token`."""
    assert files.settings is not None
    return replace(files, settings=files.settings.replace(f"\n{name}=", f"\n{name}={quoted(token)}", 1))


def write_token(file: Path, token: str) -> None:
    """Write the file of a `token`, which is not there yet; only its owner reads it. Raises Unusable."""
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(descriptor, "w", encoding="utf-8") as held:
            held.write(token)
    except OSError as error:
        raise Unusable(
            f"{file} cannot be written: {error.strerror}; put the token there, all else is written"
        ) from None
