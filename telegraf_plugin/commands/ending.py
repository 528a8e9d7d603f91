"""How a command ends: its exit status, and the one way in which a configuration error, or another, is said."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence

from telegraf_plugin.config.settings import ENV_FILE
from telegraf_plugin.errors import CentralError, ConfigurationError, SourceError

UNUSABLE = 2
"""Exit status: the command line or the configuration cannot be used, or a server does not give what is needed."""
INTERRUPTED = 128 + signal.SIGINT
UNREAD = 128 + signal.SIGPIPE
"""Exit status when nobody reads standard output any more: what a shell says of a program that SIGPIPE has ended."""


class Unusable(Exception):
    """The command cannot go on; the text says why, and what to do."""


def ended(command: Callable[[], int]) -> int:
    """Run `command` and return its exit status; the reason stands on standard error if it is UNUSABLE."""
    try:
        status = command()
        sys.stdout.flush()  # here, not when Python ends: that would be a traceback when nobody reads
    except ConfigurationError as error:
        return refused([error], "nothing was done")
    except Unusable as error:
        say(str(error))
    except CentralError as error:
        say(f"central: {error.summary}; {error.hint}")
    except SourceError as error:
        say(f"source: {error.summary}; {error.hint}")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # Python flushes what is left once more at the end
        os.close(nowhere)
        return UNREAD
    else:
        return status
    return UNUSABLE


def refused(errors: Sequence[ConfigurationError], effect: str) -> int:
    """Say every problem on a line of its own, then how many there are and their `effect`; return the exit status."""
    problems = [f"{error.file}: {problem}" for error in errors for problem in error.problems]
    for problem in problems:
        say(problem)
    if any(problem.unset for error in errors for problem in error.problems):
        if ENV_FILE not in os.environ:
            say("no .env was read: there is none beside the configuration (cp .env.example .env); --env-file names one")
        elif not os.environ[ENV_FILE]:  # Telegraf's plugin has what Telegraf was started with
            say("what was set in .env since the collector was started counts when it is restarted")
    count = len(problems)
    say(f"{count} problem{'s' * (count > 1)} in the configuration; {effect}")
    return UNUSABLE


def say(text: str) -> None:
    """Write one line to standard error, in the form in which Telegraf takes it for an error."""
    sys.stderr.write(f"E! {text}\n")
