"""`python -m lab.chaos.mutated NAME …`: the plugin as the mutant NAME, with the plugin's own arguments.

What Telegraf starts in a run with a mutant. The plugin itself has no hook for this: its modules are imported, and the
rule is replaced wherever one of them holds it.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

from lab.chaos.mutants import Mutant, named

PLUGIN = "telegraf_plugin"
IN_PLACE = "the plugin is the mutant"


class RuleMissing(RuntimeError):
    """The plugin has not the rule that the mutant takes away: the list of mutants has to follow it."""


def put_in_place(mutant: Mutant) -> int:
    """Replace the rule in every module of the plugin; returns in how many places. Raises RuleMissing."""
    owner_name, _, name = mutant.path.rpartition(".")
    try:
        module = import_module(mutant.module)
        owner = getattr(module, owner_name) if owner_name else module
        rule = vars(owner)[name]
    except (ImportError, AttributeError, KeyError) as missing:
        raise RuleMissing(f"{mutant.module} has no {mutant.path} ({missing!r})") from None
    if owner is not module:
        setattr(owner, name, mutant.instead)
        return 1
    # Others have imported it by name: they are loaded now, so that none of them gets the rule itself later.
    for found in pkgutil.walk_packages(import_module(PLUGIN).__path__, f"{PLUGIN}."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    places = 0
    for name_of, loaded in list(sys.modules.items()):
        if name_of.partition(".")[0] == PLUGIN:
            for key in [key for key, value in vars(loaded).items() if value is rule]:
                setattr(loaded, key, mutant.instead)
                places += 1
    return places


def main() -> int:
    """Become the mutant; the plugin's exit status, 3 when there is no such mutant or rule."""
    try:
        mutant = named(sys.argv[1] if len(sys.argv) > 1 else "")
        places = put_in_place(mutant)
    except (ValueError, RuleMissing) as error:
        sys.stderr.write(f"E! {error}\n")
        return 3
    sys.stderr.write(f"I! {IN_PLACE} {mutant.name}, in {places} places\n")
    return int(import_module(f"{PLUGIN}.cli").main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
