"""For every test: examples are never timed, for a busy machine would fail them; and CI tries the same ones each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Several test processes share the cores: each computes with its part, or they stand in each other's way.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

settings.register_profile("vqlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI")))
settings.load_profile("vqlab")
