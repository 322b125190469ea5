"""For every test: examples are never timed, for a busy machine would fail them; and CI tries the same ones each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("vqlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI")))
settings.load_profile("vqlab")
