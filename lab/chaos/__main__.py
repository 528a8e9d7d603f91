"""`python -m lab.chaos`: what `make chaos` runs.

In, from the environment: FAULTS (200) and SEED (1), whole numbers; REPORT, a file that gets the report as markdown
(appended, so that several seeds make one file); LOGS, a folder for the logs of everything; CALM, seconds until all has
to be equal and proved; REFILLS, yes or no: whether central is put back and emptied (yes for odd seeds); WIDE=yes:
without the tag `field`, so that fields share lines; STANDBY=yes: two collectors, one of which stands by, and faults
take hold of the one that reads; READ, flux or influxql: the language in which all servers are read (auto); OVER=kafka:
lines go to central over a real Kafka (deploy/kafka), which has faults of its own besides; MUTANT, the name of a mutant
of `lab.chaos.mutants`, which the plugin is started as. Out: exit status 0 (nothing lost, doubled,
wrong or wrongly called proved), 1 (something was, or the run broke), 2 (something is missing to begin with), 130 (ended
by Ctrl-C).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from lab.chaos.collector import READ
from lab.chaos.faults import kinds_over
from lab.chaos.mutants import named
from lab.chaos.run import CALM_S, run
from lab.chaos.stage import Interrupted
from lab.engines import EnginesMissing
from lab.process import ProcessEnded
from telegraf_plugin.stream.definition import ReadWay


def main() -> int:
    """Run it; the exit status."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A flag and no exception: nothing that was just started can slip out of its context.
        signal.signal(number, lambda *_: ended.set())
    try:
        faults, seed = int(os.environ.get("FAULTS") or 200), int(os.environ.get("SEED") or 1)
        deadline_s = float(os.environ.get("CALM") or CALM_S)
        refills = {"": None, "yes": True, "no": False}[os.environ.get("REFILLS", "")]
        mutant, over = os.environ.get("MUTANT", ""), os.environ.get("OVER", "")
        kinds_over(over)
        ReadWay(READ)
        if mutant:
            named(mutant)
    except KeyError:
        print("chaos: REFILLS is yes or no", file=sys.stderr)
        return 2
    except ValueError as error:
        known = "FAULTS, SEED and CALM are numbers, MUTANT is a name, READ auto, flux or influxql, OVER kafka"
        print(f"chaos: {known}: {error}", file=sys.stderr)
        return 2
    logs = os.environ.get("LOGS")
    try:
        standby = os.environ.get("STANDBY") == "yes"
        report = run(faults, seed, ended, say, deadline_s, Path(logs) if logs else None, refills, mutant, over, standby)
    except Interrupted:
        say("ended before the report")
        return 130
    except EnginesMissing as error:
        say(f"chaos: {error}")
        return 2
    except (ProcessEnded, TimeoutError) as error:
        say(f"chaos: {error}")
        return 1
    text = report.markdown()
    say(f"\n{text}")
    if file := os.environ.get("REPORT"):
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(f"{text}\n")
    return 0 if report.passed else 1


def say(line: str) -> None:
    """Print a line now."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
