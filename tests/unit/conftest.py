"""Hypothesis without a deadline: the machine's noise is not the code's fault; pytest-timeout ends what hangs."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
