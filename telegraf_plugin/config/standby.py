"""Whether a collector stands by for another one with the same files: COLLECTOR_STANDBY=yes, in the `.env` of both."""

from __future__ import annotations

from collections.abc import Mapping

VARIABLE = "COLLECTOR_STANDBY"
_MEANING = {"": False, "no": False, "yes": True}


def of(environment: Mapping[str, str]) -> bool:
    """Say whether `environment` asks for it. Raises ValueError with what was expected."""
    text = environment.get(VARIABLE, "")
    if text.lower() not in _MEANING:
        raise ValueError(f"expected yes or no, found {text!r}")
    return _MEANING[text.lower()]
