"""The fixtures of tests/unit/evaluation: run folders with genuine reports."""

from tests.unit.evaluation.conftest import (  # noqa: F401
    faces,
    own_cache,
    runs,
    written_runs,
)
