"""`make mutants`: try a sample of mutants, print what became of each; exit status 1 when one survives."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from lab.mutants.by_hand import by_hand
from lab.mutants.equivalents import EQUIVALENT
from lab.mutants.kinds import KINDS
from lab.mutants.kinds_lease import BY_HAND, LEASE
from lab.mutants.known import KNOWN, MENDED
from lab.mutants.sample import SEED, sample
from lab.mutants.several import try_all
from lab.mutants.sites import Mutant, mutants
from lab.mutants.trial import NotGreen

ROOT = Path(__file__).parents[2]
DECIDING = ("execution/executor", "execution/runner", "telegraf/inflight")
"""What decides outside of `stream/`."""
COUNT = 60
"""Mutants that `make mutants` tries, besides the known ones; with fewer the mended ones are left out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what `arguments` ask for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many are tried (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="what decides between equals (default: %(default)s)")
    parser.add_argument(
        "--module", action="append", default=[], help="only this one: stream/spans, execution/runner, …"
    )
    parser.add_argument("--equivalents", action="store_true", help="try those that are said to be equivalent instead")
    parser.add_argument("--near", action="store_true", help="with the nearest tests alone: a look while writing some")
    parser.add_argument(
        "--kinds", action="store_true", help="try the kinds of mutation of the core instead, one a rule"
    )
    parser.add_argument("--tests", default="tests", help="with the tests in this folder alone (default: %(default)s)")
    parser.add_argument("--least", type=int, help="how many must be killed (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="how many are tried at a time (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="list the mutants, try none")
    options = parser.parse_args(arguments)

    modules = all_mutants(ROOT)
    there = {mutant.key for listed in (*modules.values(), made_by_hand(ROOT)) for mutant in listed}
    gone = [key for key in (*EQUIVALENT, *KNOWN, *MENDED, *KINDS, *LEASE, *BY_HAND) if key not in there]
    for key in gone:
        print(f"listed, but its code is gone: {key}")
    if options.module:
        wanted = {f"telegraf_plugin/{name.removesuffix('.py')}.py" for name in options.module}
        modules = {path: listed for path, listed in modules.items() if path in wanted}
    if options.equivalents:
        chosen = _listed(modules, EQUIVALENT)
    elif options.kinds:
        chosen = [*_listed(modules, {**KINDS, **LEASE}), *(one for one in made_by_hand(ROOT) if one.path in modules)]
    else:
        chosen = _chosen(modules, options.count, options.seed)
    total = sum(map(len, modules.values()))
    print(f"{len(chosen)} of {total} mutants in {len(modules)} modules, seed {options.seed}", flush=True)
    if options.list:
        for mutant in chosen:
            print(mutant.key)
        return bool(gone)
    verdicts = try_all(ROOT, chosen, options.near, options.tests, options.jobs)
    wrong = [one for one in verdicts if (one.killed_by is None) != options.equivalents]
    killed = sum(one.killed_by is not None for one in verdicts)
    must = f" ({options.least} must be)" if options.least is not None else ""
    print(f"{len(verdicts)} tried, {killed} killed{must}, {len(gone)} gone")
    for verdict in wrong:
        print(f"{'not equivalent' if options.equivalents else 'survived'}: {verdict.mutant.key}")
    enough = not wrong if options.least is None else killed >= options.least
    return bool(not enough or gone or not verdicts)


def all_mutants(root: Path) -> dict[str, list[Mutant]]:
    """Return the mutants of every module that decides, by its path in the tree at `root`."""
    package = root / "telegraf_plugin"
    files = [*sorted((package / "stream").glob("*.py")), *(package / f"{name}.py" for name in DECIDING)]
    paths = {str(file.relative_to(root)): file for file in files if file.exists()}
    return {path: mutants(path, file.read_bytes()) for path, file in paths.items()}


def made_by_hand(root: Path) -> list[Mutant]:
    """Return the mutants of BY_HAND that there are, of the tree at `root`."""
    found = (by_hand(key, (root / key.split(": ")[0]).read_bytes()) for key in BY_HAND)
    return [mutant for mutant in found if mutant is not None]


def _listed(modules: dict[str, list[Mutant]], keys: Collection[str]) -> list[Mutant]:
    return [mutant for listed in modules.values() for mutant in listed if mutant.key in keys]


def _chosen(modules: dict[str, list[Mutant]], count: int, seed: int) -> list[Mutant]:
    listed = (*KNOWN, *(MENDED if count >= COUNT else ()))
    known = _listed(modules, listed)
    open_ = {path: [one for one in listed if one.key not in EQUIVALENT] for path, listed in modules.items()}
    return [*known, *(mutant for mutant in sample(open_, count, seed) if mutant.key not in listed)]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotGreen as failure:
        sys.exit(str(failure))
