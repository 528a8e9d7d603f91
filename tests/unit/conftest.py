"""Hypothesis without a deadline: the machine's noise is not the code's fault; pytest-timeout ends what hangs."""

from hypothesis import settings

from tests.unit.config_bench import environment
from tests.unit.logs_bench import logging_restored

__all__ = ["environment", "logging_restored"]

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
