"""`data-collector completion`: the lines that have a shell complete commands, options, streams and sources.

The shell then runs the program itself, which asks argcomplete how its line may go on (`complete`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import argcomplete

from telegraf_plugin.commands.arguments import Parser

PROGRAM = "data-collector"
_EPILOG = """\
examples:
  source <(data-collector completion bash)
      in this shell; the same line in ~/.bashrc: in each
  data-collector completion zsh >~/.zfunc/_data-collector
      where ~/.zfunc is in fpath
  data-collector completion fish >~/.config/fish/completions/data-collector.fish

Streams and sources are those of config/queries.yaml in the folder in which one is, or of COLLECTOR_QUERIES, or of the
--config on the line. No server is asked.

exit status: 0
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Print what a shell needs to complete this program's commands, options, streams and sources."
    parser.epilog = _EPILOG
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="which")


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    lines = argcomplete.shellcode([PROGRAM], shell=options.shell)  # type: ignore[attr-defined]
    sys.stdout.write(lines)
    return 0


def complete(parser: Parser, words: Sequence[str]) -> None:
    """Write to the shell how its line of `words` may go on, and end the process."""
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for name, command in action.choices.items():
                if name in words and isinstance(command, Parser):
                    command.complete()
    argcomplete.autocomplete(parser, always_complete_options=False)
