"""Where lines go after Telegraf's processors: these by the real Telegraf, the outputs by the lint's reading of them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telegraf_plugin.lint.reach import Metric, Reach, reach
from telegraf_plugin.lint.telegraf_conf import Plugin, TelegrafConf, beside

PROCESS_SECONDS = 60.0
"""How long Telegraf may take to show some thousand lines."""
_SYNTAX = re.compile(r"((?:\\.|[^\\, ])+)((?:,(?:\\.|[^\\, =])+=(?:\\.|[^\\, =])+)*) ", re.DOTALL)
_TAG = re.compile(r",((?:\\.|[^\\, =])+)=((?:\\.|[^\\, =])+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([, =\\])")


class CannotProcess(Exception):
    """The real Telegraf did not show the lines; the text says why."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a line goes: the outputs' key paths, each with its bucket, and whether that is sure."""

    outputs: tuple[tuple[str, str, bool], ...]

    def __str__(self) -> str:
        if not self.outputs:
            return "nowhere: no output takes it"
        texts = (f"{path} (bucket {bucket})" if bucket else path for path, bucket, _ in self.outputs)
        sure = all(sure for _, _, sure in self.outputs)
        return ", ".join(texts) + ("" if sure else "; not for sure: metricpass")


def processed(program: str, conf: Path, lines: bytes) -> list[str]:
    """Return `lines` (line protocol) as they are after the processors of `conf`. Raises CannotProcess.

    Nothing is written: Telegraf's --test uses no output, and runs no input but the one that reads these lines.
    """
    with tempfile.TemporaryDirectory(prefix="data-collector-") as folder:
        file, extra = Path(folder) / "lines", Path(folder) / "preview.conf"
        file.write_bytes(lines)
        # precision: a file's times would be rounded to the interval's, an execd plugin's are not.
        extra.write_text(
            f"[[inputs.file]]\n  files = ['{file}']\n  data_format = 'influx'\n"
            "  influx_parser_type = 'upstream'\n  precision = '1ns'\n"
        )
        command = [program, "--config", str(conf), "--config", str(extra), "--input-filter", "file", "--test"]
        for each in beside(conf):
            command += ["--config-directory", str(each)]
        # A reference to a secret store that only scripts/collector names would end Telegraf; no output needs it here.
        env = {name: "not-needed" if value.startswith("@{") else value for name, value in os.environ.items()}
        try:
            ended = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROCESS_SECONDS, check=False, env=env
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotProcess(f"{program}: {error}") from None
    if ended.returncode:
        told = [line for line in ended.stderr.decode("utf-8", "replace").splitlines() if " E! " in line]
        raise CannotProcess(f"{program} --test ended with {ended.returncode}: {' '.join(told[-2:])[:400]}")
    text = ended.stdout.decode("utf-8", "replace")
    # A string may hold newlines, which --test prints as they are: a line begins with "> ".
    return [part.rstrip("\n") for part in re.split(r"(?:\A|(?<=\n))> ", text) if part]


def name_and_tags(line: str) -> tuple[str, dict[str, str]]:
    """Return measurement and tags of a line that a serializer wrote. Raises ValueError."""
    match = _SYNTAX.match(line)
    if match is None:
        raise ValueError(f"not a line of line protocol: {line[:100]!r}")
    tags = {_plain(key): _plain(value) for key, value in _TAG.findall(match.group(2))}
    return _plain(match.group(1)), tags


def route(conf: TelegrafConf, measurement: str, tags: dict[str, str]) -> Route:
    """Return which outputs of `conf` take a metric of just these tags."""
    found = []
    for output in conf.outputs:
        reached = reach(output, Metric(measurement, tags, _absent(output, tags)))
        if reached is not Reach.NEVER:
            found.append((output.path, output.text("bucket"), reached is Reach.ALWAYS))
    return Route(tuple(found))


def _absent(output: Plugin, tags: dict[str, str]) -> tuple[str, ...]:
    """All is known of the metric: what it does not have, it has not."""
    keys: Sequence[str] = [*output.table("tagpass").settings, *output.table("tagdrop").settings]
    return tuple(key for key in keys if key not in tags)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
