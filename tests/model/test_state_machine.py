"""Runs the state machine: two hundred examples, the same each time; `MODEL_EXAMPLES=20000` for a long night."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.model.machine import Model

_EXAMPLES = os.environ.get("MODEL_EXAMPLES")

TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=int(_EXAMPLES or 200),
    stateful_step_count=50,
    deadline=None,
    derandomize=_EXAMPLES is None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
