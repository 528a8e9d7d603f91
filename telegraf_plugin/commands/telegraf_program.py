"""The real Telegraf, where there is one: where it is, and what it says of a configuration."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECK_SECONDS = 60.0
"""How long Telegraf may take to look at its configuration; it takes 0.05 s as built here."""
MAX_COMPLAINTS = 20
_ERROR = re.compile(r"^\S+ E! (.*)$", re.MULTILINE)


class CannotCheck(Exception):
    """Telegraf did not come to an opinion; the text says why."""


NOWHERE = "is neither on PATH nor in .engines/bin"
"""What is said of Telegraf where there is none."""


def telegraf_program() -> str | None:
    """Return the telegraf program: PATH's, else the one that `make engines` has built in this clone, else None.

    The clone is the folder that holds this Python's environment (`.venv`), wherever the program runs: a folder that one
    happens to be in decides nothing.
    """
    return shutil.which("telegraf") or shutil.which("telegraf", path=str(Path(sys.prefix).parent / ".engines" / "bin"))


def complaints(
    program: str, files: Sequence[Path], environment: Mapping[str, str], folders: Sequence[Path] = ()
) -> list[str]:
    """Return what `telegraf config check` says against the `files` with those in `folders`; nothing when it takes them.

    No token of `environment` is in it. Raises CannotCheck.
    """
    command = [program, "config", "check", "--strict-env-handling"]
    for file in files:
        command += ["--config", str(file)]
    for folder in folders:
        command += ["--config-directory", str(folder)]
    try:
        ended = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotCheck(f"{program} cannot be asked: {error}") from None
    if ended.returncode == 0:
        return []
    text = (ended.stderr + ended.stdout).decode("utf-8", "replace")
    for name, value in environment.items():
        if name.endswith("_TOKEN") and value and not value.startswith("@{"):
            text = text.replace(value, "...")
    # Of the file that is asked about, its name is said by whoever shows this; another one, of a folder, is named.
    text = text.replace(f"loading config file {files[-1]} failed: ", "")
    told = _ERROR.findall(text) or [line for line in text.splitlines() if line][-1:]
    return told[:MAX_COMPLAINTS] or [f"config check ended with status {ended.returncode}"]
