"""What the command line can hold: the options that commands share, and the forms of their values. No command is run."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from telegraf_plugin.errors import CollectorError

STREAM = "a stream (source/stream as in the log)"
STREAMS = "only these: a stream (source/stream as in the log), or a source with all of its streams; all unless given"
_TIMES = ("--from", "--to", "--start")
_DATE = re.compile(r"(?:.* )?--(?:from|to)[ =]\d{4}-\d\d-\d\d", re.DOTALL)
_CLOCK = re.compile(r"\d\d:\d\d")


class Parser(argparse.ArgumentParser):
    """An argument parser that suggests what was meant, and that takes its arguments when it is first used.

    So what one command needs is imported when that command is asked for: the plugin counts its memory.
    """

    def __init__(self, *arguments: object, **settings: object) -> None:
        self._later: Callable[[argparse.ArgumentParser], None] | None = None
        self._words: Sequence[str] = ()  # what it was asked to parse
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **settings)  # type: ignore[arg-type]

    @property
    def options(self) -> list[str]:
        """The names of its options, as they are typed."""
        return list(self._option_string_actions)

    def later(self, arguments: Callable[[argparse.ArgumentParser], None]) -> None:
        """Have `arguments` add the arguments as soon as they are needed."""
        self._later = arguments

    def complete(self) -> None:
        """Add the arguments that were left for later."""
        if self._later is not None:
            later, self._later = self._later, None
            later(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as argparse does."""
        self.complete()
        self._words = list(args if args is not None else sys.argv[1:])
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]
        """Parse as argparse does; of an option that nobody knows, say which one may have been meant."""
        options, rest = self.parse_known_args(args, namespace)
        assert isinstance(options, argparse.Namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._meant(options, rest)}")
        return options

    def _meant(self, options: argparse.Namespace, rest: Sequence[str]) -> str:
        """Return what is said of the options that the first unknown one of `rest` may have been; empty for none."""
        known = self.options
        for action in self._actions:
            chosen = action.choices.get(getattr(options, action.dest)) if isinstance(action.choices, dict) else None
            known += chosen.options if isinstance(chosen, Parser) else []
        close = [option for word in rest if (option := meant(word, known))]
        return f"; did you mean {close[0]}?" if close else ""

    def error(self, message: str) -> NoReturn:
        """End as argparse does. What is needed and not there may be there misspelt, which is said then as well."""
        if self._words and "required" in message:
            message += self._misspelt(self._words)
        super().error(message)

    def _misspelt(self, words: Sequence[str]) -> str:
        """Return what is said of an option of `words` that is none of this parser's; empty for none like one."""
        known = self.options
        # What is the beginning of an option is taken for it, as argparse does.
        odd = (word for word in words if not any(option.startswith(word.partition("=")[0]) for option in known))
        close = next(((word, option) for word in odd if (option := meant(word, known))), None)
        return f"; {close[0].partition('=')[0]} is not known, did you mean {close[1]}?" if close else ""

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices = list(map(str, action.choices or ()))
        if choices and str(value) not in choices:
            if (option := f"--{value}") in self.options:
                raise argparse.ArgumentError(action, f"no command is called {value!r}; did you mean {option}?")
            what = "command" if isinstance(action.choices, dict) else action.dest
            raise argparse.ArgumentError(action, unknown(what, str(value), choices))
        super()._check_value(action, value)


def meant(word: str, options: Sequence[str], likeness: float = 0.7) -> str | None:
    """Return which of the `options` (each `--name`) an unknown `word` may have been meant for; None for none of them.

    `likeness`: how alike they are at least, 0 to 1.
    """
    name = word.partition("=")[0]
    close = get_close_matches(name, [each for each in options if each.startswith("--")], 1, cutoff=likeness)
    return close[0] if close and name.startswith("--") and close[0] != name else None


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """Say that no `what` is called `name`, which one may have been meant, and which there are."""
    close = get_close_matches(name.casefold(), {each.casefold(): each for each in known}, 1, cutoff=0.6)
    meant = next((each for each in known if close and each.casefold() == close[0]), None)
    return f"no {what} is called {name!r}{f'; did you mean {meant}?' if meant else ''}; there are: {', '.join(known)}"


def add_config(parser: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    """Add `--config` and `--env-file`; a command leaves it to the whole program's, which may stand before its name."""
    shown = queries()
    parser.add_argument("--config", type=Path, default=default, metavar="FILE", help=f"what is read ({shown})")
    add_env_file(parser, None if default is not argparse.SUPPRESS else default)


def add_env_file(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add `--env-file`. It is read before the command line is (`cli`), since other defaults depend on what it says."""
    text = "the settings, in place of .env beside the configuration; a variable that is set wins over it"
    parser.add_argument("--env-file", type=Path, default=default, metavar="FILE", help=text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="for scripts: JSON on standard output")


def add_telegraf_config(parser: argparse.ArgumentParser) -> None:
    """Add `--telegraf-config`."""
    conf = Path("telegraf.conf")
    text = "where it goes (%(default)s)"
    parser.add_argument("--telegraf-config", type=Path, default=conf, metavar="FILE", help=text)


def add_stream(parser: argparse.ArgumentParser) -> None:
    """Add the one stream that a command is about."""
    text = f"{STREAM}; of a source with one stream its name is enough"
    completed(parser.add_argument("stream", metavar="STREAM", help=text), streams)


def add_streams(parser: argparse.ArgumentParser) -> None:
    """Add the streams that a command is about."""
    completed(parser.add_argument("streams", nargs="*", metavar="STREAM", help=STREAMS), streams, sources)


def add_span(
    parser: argparse.ArgumentParser, required: bool, default: str | None = None, end: str = "now unless set"
) -> None:
    """Add `--from` and `--to`, whose `end` is what it is when it is not given."""
    since = "UTC: 2026-11-01, 2026-11-01 06:00:00Z, RFC 3339, or so long ago: -2h"
    parser.add_argument("--from", dest="start", required=required, default=default, metavar="TIME", help=since)
    parser.add_argument("--to", dest="stop", metavar="TIME", help=f"likewise; {end}")


def completed(action: argparse.Action, *words: Callable[[Path], Sequence[str]]) -> None:
    """Have the shell complete the value of `action` to one of the `words`, which are asked for by queries.yaml's place.

    What cannot be read then gives none: a shell that completes is no place for messages.
    """

    def choices(parsed_args: argparse.Namespace, **_: object) -> list[str]:
        place = getattr(parsed_args, "config", None) or queries()
        with suppress(CollectorError):
            return [word for of in words for word in of(place)]
        return []

    setattr(action, "completer", choices)  # noqa: B010 (what argcomplete looks for; argparse has no such thing)


def sources(place: Path) -> list[str]:
    """Return the names of the sources in the queries.yaml at `place`. Raises ConfigurationError."""
    from telegraf_plugin.config.load import load  # the plugin's memory is counted

    return [source.name for source in load(place, os.environ, tokens=False).sources]


def streams(place: Path) -> list[str]:
    """Return the streams likewise, as `source/stream`. Raises ConfigurationError."""
    from telegraf_plugin.config.load import load

    return [stream.label for stream in load(place, os.environ, tokens=False).streams]


def templates(place: Path) -> list[str]:
    """Return the names of the templates likewise. Raises ConfigurationError."""
    from telegraf_plugin.config.yaml_file import read_yaml

    found = read_yaml(place)
    return list(found.get("templates") or {}) if isinstance(found, dict) else []


def queries() -> Path:
    """Return the configuration that is read when the command line names none."""
    return Path(os.environ.get("COLLECTOR_QUERIES") or "config/queries.yaml")


def joined(words: Sequence[str]) -> list[str]:
    """Return the `words` of a command line with each time as one word.

    `--from -2h` becomes `--from=-2h`, since argparse takes -2h for an option; and a time as people are shown it,
    `--from 2026-11-25 13:00:00Z`, may be pasted without quotes.
    """
    found: list[str] = []
    for word in words:
        last = found[-1] if found else ""
        if last in _TIMES and word[:1] == "-" and word[1:2].isdigit():
            found[-1] = f"{last}={word}"
        elif _CLOCK.match(word) and _DATE.fullmatch(" ".join(found[-2:])):
            found[-1] = f"{last} {word}"
        else:
            found.append(word)
    return found


def seconds(least: float) -> Callable[[str], float]:
    """Return what reads a number of seconds that is `least` or more."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a number of seconds, {least:g} or more")
        return value

    return read


def whole(least: int) -> Callable[[str], int]:
    """Return what reads a whole number that is `least` or more."""

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, {least} or more")
        return value

    return read
