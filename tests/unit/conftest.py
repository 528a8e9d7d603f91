"""Hypothesis without a deadline: the machine's noise is not the code's fault; pytest-timeout ends what hangs."""

from hypothesis import settings

from tests.unit.config_bench import environment

__all__ = ["environment"]

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
